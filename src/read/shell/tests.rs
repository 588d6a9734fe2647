use super::*;

fn read(text: &str) -> Vec<String> {
    let whole = 0..text.len();
    let commands = commands(text, &[whole], &|_| None);
    commands
        .iter()
        .map(|command| {
            let words: Vec<String> = command.words.iter().map(|word| word.text().to_string()).collect();
            let mut line = words.join("|");
            if let Some(input) = &command.input {
                line.push_str(&format!(" << {}", input.text()));
            }
            if let Some(output) = &command.output {
                line.push_str(&format!(" > {}", output.text()));
            }
            line
        })
        .collect()
}

#[test]
fn words_are_those_of_a_shell() {
    for (text, expected) in [
        ("a b  'c d' \"e f\"", vec!["a|b|c d|e f"]),
        ("a \\\n  --b \\\r\n c", vec!["a|--b|c"]),
        ("a '{\"x\": \"'\"$N\"'\"}'", vec!["a|{\"x\": \"${N}\"}"]),
        ("a \"{\\\"x\\\": $N}\"", vec!["a|{\"x\": ${N}}"]),
        ("N=river; a $N/${N}", vec!["a|river/river"]),
        ("export N=river\na \"$N\" # $N\nb", vec!["a|river", "b"]),
        ("if true; then N=x; fi\na $N", vec!["true", "a|${N}"]),
        ("[ -z \"$N\" ] && N=x\na $N", vec!["[|-z|${N}|]", "a|${N}"]),
        ("N=1 a $N", vec!["a|${N}"]),
        ("N=${1:-dev}\na $N", vec!["a|dev"]),
        ("N=$(date +%s)\na $N", vec!["date|+%s", "a|${N}"]),
        ("for n in a b; do c $n; done", vec!["c|${n}"]),
        ("cat <<EOF > t.json\n{\"a\": \"$N\"}\nEOF\nb", vec!["cat << {\"a\": \"${N}\"}\n > t.json", "b"]),
        ("cat > t <<'EOF'\n$N\nEOF", vec!["cat << $N\n > t"]),
        ("a 2>/dev/null | b && c", vec!["a", "b", "c"]),
        ("a --role <ROLE_NAME> --x=<your-x>", vec!["a|--role|${ROLE_NAME}|--x=${your-x}"]),
        ("$ a b", vec!["a|b"]),
        ("f() {\n  a b\n}", vec!["f", "a|b"]),
        ("A=`id`; b \"$A\"", vec!["id", "b|${A}"]),
        ("a $'b c'", vec!["a|b c"]),
        ("ACCOUNT_ID=$(x)\nb $ACCOUNT_ID", vec!["x", "b|${account}"]),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn letters_keep_their_places() {
    let text = "N=river\na '{\"x\": \"'$N'\"}' y";
    let whole = 0..text.len();
    let found = commands(text, &[whole], &|_| None);
    let node = super::super::code::json::parse(&found[0].words[1].pieces).unwrap();
    let Some(At { span: Where::Bytes(start, end), .. }) = node.get("x").unwrap().at.clone() else { panic!() };
    assert_eq!(&text[start as usize..end as usize], "\"'$N'\"");
    let only = "N=river\na $N";
    assert_eq!(commands(only, std::slice::from_ref(&(0..only.len())), &|_| None)[0].words[1].at(), place(&(2..7)));
    assert_eq!(found[0].words[2].at(), place(&(text.len() - 1..text.len())));
}

#[test]
fn hostile_scripts_end() {
    let doubling: String = (0..200).map(|n| format!("X{}=$X{n}$X{n}\n", n + 1)).collect();
    for text in [
        format!("X0={}\n{doubling}a $X200", "x".repeat(100)),
        "$(".repeat(100_000),
        "`".repeat(100_000),
        "${".repeat(100_000),
        "'\"".repeat(100_000),
        "a <<E\n".repeat(2_000),
        "\\".repeat(100_000),
        "<".repeat(100_000),
        "if ".repeat(100_000),
        "a $(a $(a $(a $(a $(a $(a $(a $(a $(a $(b))))))))))".to_owned(),
    ] {
        let whole = 0..text.len();
        assert!(commands(&text, &[whole], &|_| None).len() <= COMMANDS);
    }
}
