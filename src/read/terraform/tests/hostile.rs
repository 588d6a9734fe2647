//! Input that wants to run for ever, fill the memory, or read what it should not.

use super::*;

/// What a root with this text declares, and the gaps; it is enough that it ends.
fn survived(text: &str) -> (Dump, Vec<String>) {
    read_files(&[("main.tf", text)])
}

const ROLE: &str = "resource \"aws_iam_role\" \"r\" {\n  name = \"r\"\n  assume_role_policy = \"{}\"\n";

#[test]
fn more_instances_than_anybody_has() {
    for expansion in [
        "count = 100000000",
        "for_each = toset([for i in setproduct(range(1000), range(1000)) : \"${i[0]}-${i[1]}\"])",
        "for_each = toset(flatten([for i in range(1000) : [for j in range(1000) : \"${i}-${j}\"]]))",
    ] {
        let (found, gaps) = survived(&format!("{ROLE}  {expansion}\n}}\n"));
        assert_eq!(found.len(), 1, "{expansion}");
        let said = ["is read as one", "more than what is read", "has more than"];
        assert!(gaps.iter().any(|gap| said.iter().any(|said| gap.contains(said))), "{expansion}: {gaps:?}");
    }
}

#[test]
fn what_doubles_with_every_line() {
    let mut text = "locals {\n  a0 = [\"x\", \"y\"]\n".to_owned();
    for at in 1..60 {
        text.push_str(&format!("  a{at} = [local.a{}, local.a{}]\n", at - 1, at - 1));
    }
    text.push_str("  t0 = \"xxxxxxxxxx\"\n");
    for at in 1..60 {
        text.push_str(&format!("  t{at} = \"${{local.t{}}}${{local.t{}}}\"\n", at - 1, at - 1));
    }
    text.push_str("}\n");
    for use_of in [
        "jsonencode(local.a59)",
        "local.t59",
        "jsonencode({ a = length(flatten(local.a59)) })",
        "join(\"\", local.a59...)",
    ] {
        let role = format!(
            "resource \"aws_iam_role_policy\" \"p\" {{\n  name = \"p\"\n  role = \"r\"\n  policy = {use_of}\n}}\n"
        );
        let (found, _) = survived(&format!("{text}{role}"));
        assert!(found.iter().any(|(name, ..)| name.starts_with("iam.roles")), "{use_of}");
    }
}

#[test]
fn chains_that_are_longer_than_the_stack() {
    let mut text = "locals {\n  a0 = \"end\"\n".to_owned();
    for at in 1..20_000 {
        text.push_str(&format!("  a{at} = (local.a{} == \"\" ? [local.a{}] : local.a{})\n", at - 1, at - 1, at - 1));
    }
    text.push_str("}\n");
    let (found, _) = survived(&format!("{text}{ROLE}  description = local.a19999\n}}\n"));
    assert_eq!(found.len(), 1);
    let deep = format!("locals {{\n  a = {}1{}\n}}\n{ROLE}}}\n", "[".repeat(5000), "]".repeat(5000));
    let (found, gaps) = survived(&deep);
    assert_eq!((found.len(), gaps.len()), (1, 1), "{gaps:?}");
}

#[test]
fn regular_expressions_that_explode() {
    let text = "a".repeat(50_000);
    for pattern in ["/(a+)+$/", "/(a|aa)+b/", "/((a{1,100}){1,100}){1,100}/", "/(/"] {
        let (found, _) = survived(&format!(
            "locals {{\n  t = \"{text}\"\n}}\n{ROLE}  description = replace(local.t, {pattern:?}, \"x\")\n}}\n"
        ));
        assert_eq!(found.len(), 1, "{pattern}");
    }
}

#[test]
fn modules_in_a_circle() {
    let call = |source: &str| format!("module \"m\" {{\n  source = \"{source}\"\n}}\n{ROLE}}}\n");
    for files in [
        vec![("a/main.tf", call("../b")), ("b/main.tf", call("../a"))],
        vec![("a/main.tf", call("./"))],
        vec![("a/main.tf", call("../a"))],
        vec![
            ("a/main.tf", format!("{}{}", call("../b"), call("../b").replace("\"m\"", "\"n\""))),
            ("b/main.tf", call("../a")),
        ],
    ] {
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let (found, gaps) = read_files(&files);
        assert!(!found.is_empty() && found.len() < 10, "{found:#?}");
        assert!(gaps.iter().any(|gap| gap.contains("calls itself")), "{gaps:?}");
    }
    // Twenty levels that each call the next one twice come to a million modules.
    let mut files = Vec::new();
    for at in 0..25 {
        let calls: String =
            ["m", "n"].map(|name| format!("module \"{name}\" {{\n  source = \"../d{}\"\n}}\n", at + 1)).concat();
        files.push((format!("d{at}/main.tf"), format!("{calls}{ROLE}}}\n")));
    }
    files.push(("d25/main.tf".to_owned(), format!("{ROLE}}}\n")));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let (_, gaps) = read_files(&files);
    assert!(gaps.iter().any(|gap| gap.contains("further than what is followed")), "{gaps:?}");
}

#[test]
fn templates_that_read_themselves() {
    let template = "${templatefile(\"t.tpl\", {})}${templatefile(\"t.tpl\", {})}";
    let text = format!("{ROLE}  description = templatefile(\"t.tpl\", {{}})\n}}\n");
    let (found, _) = read_files(&[("main.tf", &text), ("t.tpl", template)]);
    assert_eq!(found.len(), 1);
}

#[cfg(unix)]
#[test]
fn nothing_outside_is_read() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret.json");
    std::fs::write(&secret, "\"the secret\"").unwrap();
    std::fs::create_dir(outside.path().join("module")).unwrap();
    std::fs::write(outside.path().join("module/main.tf"), format!("{ROLE}}}\n")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("in");
    std::fs::create_dir(&root).unwrap();
    std::os::unix::fs::symlink(&secret, root.join("link.json")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("module"), root.join("module")).unwrap();
    std::fs::write(folder.path().join("above.json"), "\"the secret\"").unwrap();
    let paths = [
        format!("{:?}", secret.to_string_lossy()),
        "\"link.json\"".to_owned(),
        "\"../above.json\"".to_owned(),
        "\"${path.module}/../above.json\"".to_owned(),
        "\"/etc/passwd\"".to_owned(),
        "pathexpand(\"~/.ssh/id_rsa\")".to_owned(),
        "\"/dev/zero\"".to_owned(),
    ];
    for path in paths {
        let text = format!("module \"m\" {{\n  source = \"./module\"\n}}\n{ROLE}  description = file({path})\n}}\n");
        let entries = write(&root, &[("main.tf", &text)]);
        let codes = read(&entries);
        let roles: Vec<Value> = codes.into_iter().flat_map(|code| dump(code, &root)).map(|(_, role, _)| role).collect();
        assert_eq!(roles.len(), 1, "{path}");
        assert!(roles[0]["Description"]["$unknown"].is_string(), "{path}: {}", roles[0]);
    }
}

#[test]
fn secrets_stay_where_they_are() {
    let text = format!("variable \"password\" {{\n  sensitive = true\n}}\n{ROLE}  description = var.password\n}}\n");
    let (found, _) = read_files(&[("main.tf", &text), ("terraform.tfvars", "password = \"hunter2\"\n")]);
    assert_eq!(short(&found[0].1["Description"]), "{var.password}");
}

#[test]
fn text_that_is_no_terraform() {
    for text in
        ["", "\u{feff}", "}}}}", "resource", "resource \"a\" {", "<<EOF", "\"${", "a = \"\u{0}\"", "%{ if", "/*"]
    {
        let (found, _) = survived(text);
        assert!(found.is_empty(), "{text}");
    }
    let long = format!("locals {{ a = \"{}\" }}", "x".repeat(2 << 20));
    let (found, _) = survived(&format!("{long}\n{ROLE}}}\n"));
    assert_eq!(found.len(), 1);
}
