//! Amounts of CPU and memory, as Kubernetes and as Spark write them.
//!
//! Kubernetes quantities are decimal numbers with a suffix and are held exactly, as integers of a billionth: what
//! cannot be held so (hostile or absurd) is `None`, never a wrapped number. Spark writes sizes in its own way: whole
//! numbers, binary units for the letters that Kubernetes uses for decimal ones, and a unit of its own choice where
//! none is given.
//!
//! Follows <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/> and Spark's `JavaUtils`.

use serde_json::Value;

/// Longer texts than this are no quantity that anybody wrote.
const LONGEST: usize = 64;
/// Kubernetes does not go beyond 2⁶³ − 1 units.
const MOST_NANO: i128 = i64::MAX as i128 * NANO;
const NANO: i128 = 1_000_000_000;

/// A Kubernetes quantity in billionths of its unit: cores, bytes or pieces. A finer amount is rounded away from zero.
#[must_use]
pub fn nano(text: &str) -> Option<i128> {
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST || !text.is_ascii() {
        return None;
    }
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    if number.trim_matches('.').is_empty() || fraction.contains('.') {
        return None;
    }
    let (binary, decimal) = scale(suffix)?;
    let mut mantissa: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        mantissa = mantissa.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let power = decimal.checked_add(9)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let mut value = mantissa.checked_mul(1_i128.checked_shl(binary)?)?;
    if value != 0 {
        value = match 10_i128.checked_pow(power.unsigned_abs()) {
            Some(factor) if power >= 0 => value.checked_mul(factor)?,
            Some(factor) => div_up(value, factor),
            None if power >= 0 => return None,
            None => 1,
        };
    }
    if value > MOST_NANO {
        return None;
    }
    Some(if negative { -value } else { value })
}

/// The shift and the power of ten that a suffix stands for.
fn scale(suffix: &str) -> Option<(u32, i32)> {
    Some(match suffix {
        "n" => (0, -9),
        "u" => (0, -6),
        "m" => (0, -3),
        "" => (0, 0),
        "k" => (0, 3),
        "M" => (0, 6),
        "G" => (0, 9),
        "T" => (0, 12),
        "P" => (0, 15),
        "E" => (0, 18),
        "Ki" => (10, 0),
        "Mi" => (20, 0),
        "Gi" => (30, 0),
        "Ti" => (40, 0),
        "Pi" => (50, 0),
        "Ei" => (60, 0),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                return None;
            }
            (0, exponent.parse::<i32>().ok()?)
        }
    })
}

/// `value / by`, rounded up; `value` is not negative.
fn div_up(value: i128, by: i128) -> i128 {
    value / by + i128::from(value % by != 0)
}

/// A quantity in thousandths, rounded up: `"0.5"` is 500. CPU is counted so.
#[must_use]
pub fn milli(text: &str) -> Option<i128> {
    rounded_up(nano(text)?, NANO / 1000)
}

/// A quantity of bytes in MiB, rounded up: `"200Mi"` is 200, `"1G"` is 954.
#[must_use]
pub fn mib(text: &str) -> Option<i128> {
    rounded_up(nano(text)?, NANO << 20)
}

fn rounded_up(nano: i128, unit: i128) -> Option<i128> {
    Some(if nano < 0 { -div_up(nano.checked_neg()?, unit) } else { div_up(nano, unit) })
}

/// An amount that stands in a document, as a text or as a number, in billionths; negative amounts are none.
#[must_use]
pub fn amount(value: &Value) -> Option<i128> {
    let nano = match value {
        Value::String(text) => nano(text),
        Value::Number(number) => nano(&number.to_string()),
        _ => None,
    }?;
    (nano >= 0).then_some(nano)
}

/// CPU that stands in a document, in thousandths of a core, rounded up.
#[must_use]
pub fn cpu_milli(value: &Value) -> Option<u64> {
    // Nearly all are written so, and a cluster has hundreds of thousands.
    if let Value::String(text) = value {
        let plain = text.strip_suffix('m').map_or_else(|| Some(few_digits(text)? * 1000), few_digits);
        if plain.is_some() {
            return plain;
        }
    }
    u64::try_from(div_up(amount(value)?, NANO / 1000)).ok()
}

/// Memory that stands in a document, in bytes, rounded up.
#[must_use]
pub fn bytes(value: &Value) -> Option<u64> {
    if let Value::String(text) = value {
        let units = [("Mi", 20), ("Gi", 30), ("Ki", 10)];
        let unit = units.iter().find_map(|(unit, shift)| Some(few_digits(text.strip_suffix(unit)?)? << shift));
        if unit.is_some() {
            return unit;
        }
    }
    u64::try_from(div_up(amount(value)?, NANO)).ok()
}

/// A whole number of at most nine digits.
fn few_digits(text: &str) -> Option<u64> {
    let is_plain = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.bytes().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// The unit that Spark assumes where a size has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SparkUnit {
    /// As for `spark.memory.offHeap.size`.
    Byte,
    /// As for `spark.executor.memory`, the overheads and `spark.executor.pyspark.memory`.
    Mib,
}

/// A size as Spark writes it (`1g`, `512M`, `1024`), in whole MiB, rounded down as Spark does.
#[must_use]
pub fn spark_mib(text: &str, unit: SparkUnit) -> Option<u64> {
    let text = text.trim();
    if text.len() > LONGEST {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let number: u128 = number.parse().ok()?;
    let shift = match suffix {
        "" if unit == SparkUnit::Mib => 20,
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        "p" | "pb" => 50,
        _ => return None,
    };
    let bytes = number.checked_mul(1 << shift)?;
    // Spark counts bytes in a signed 64-bit number.
    (bytes <= i64::MAX as u128).then(|| u64::try_from(bytes >> 20).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn kubernetes_quantities() {
        let table: &[(&str, Option<i128>)] = &[
            ("0", Some(0)),
            ("1", Some(NANO)),
            ("+1", Some(NANO)),
            ("-1", Some(-NANO)),
            ("1930m", Some(1_930_000_000)),
            ("0.5", Some(500_000_000)),
            (".5", Some(500_000_000)),
            ("5.", Some(5 * NANO)),
            ("1.50", Some(1_500_000_000)),
            ("100n", Some(100)),
            ("0.1n", Some(1)),
            ("-0.1n", Some(-1)),
            ("1e-30", Some(1)),
            ("0e99", Some(0)),
            ("2u", Some(2000)),
            ("1k", Some(1000 * NANO)),
            ("1Ki", Some(1024 * NANO)),
            ("7001128Ki", Some(7_001_128 * 1024 * NANO)),
            ("1.5Gi", Some((3 << 29) * NANO)),
            ("1E", Some(NANO * NANO * NANO)),
            ("1E3", Some(1000 * NANO)),
            ("1e3", Some(1000 * NANO)),
            ("12e-1", Some(1_200_000_000)),
            ("1.", Some(NANO)),
            ("7Ei", Some((7 << 60) * NANO)),
            ("8Ei", None),
            ("10E", None),
            ("1e19", None),
            ("1e999999999999", None),
            ("99999999999999999999999999999999999999999", None),
            ("", None),
            (".", None),
            ("-", None),
            ("1.2.3", None),
            ("1e", None),
            ("1e+", None),
            ("1e1.5", None),
            ("NaN", None),
            ("inf", None),
            ("0x10", None),
            ("1 Gi", None),
            ("1KI", None),
            ("1K", None),
            ("1g", None),
            ("١", None),
            ("--1", None),
            ("${cores}", None),
        ];
        for (text, expected) in table {
            assert_eq!(nano(text), *expected, "{text:?}");
        }
    }

    #[test]
    fn rounding_is_up() {
        assert_eq!(milli("0.0001"), Some(1));
        assert_eq!(milli("1500u"), Some(2));
        assert_eq!(milli("-1500u"), Some(-2));
        assert_eq!((mib("200Mi"), mib("1G"), mib("1")), (Some(200), Some(954), Some(1)));
        assert_eq!(
            (cpu_milli(&json!(2)), cpu_milli(&json!(0.25)), cpu_milli(&json!("1"))),
            (Some(2000), Some(250), Some(1000))
        );
        for hostile in [json!(null), json!([1]), json!({"$unknown": "x"}), json!(-1), json!("-1"), json!(true)] {
            assert_eq!((cpu_milli(&hostile), bytes(&hostile)), (None, None), "{hostile}");
        }
    }

    #[test]
    fn spark_sizes() {
        let table: &[(&str, Option<u64>, Option<u64>)] = &[
            ("1g", Some(1024), Some(1024)),
            ("1G", Some(1024), Some(1024)),
            ("1gb", Some(1024), Some(1024)),
            (" 512m ", Some(512), Some(512)),
            ("1024", Some(1024), Some(0)),
            ("1048576", Some(1_048_576), Some(1)),
            ("2t", Some(2 << 20), Some(2 << 20)),
            ("1p", Some(1 << 30), Some(1 << 30)),
            ("1536k", Some(1), Some(1)),
            ("2097152b", Some(2), Some(2)),
            ("1.5g", None, None),
            ("-1g", None, None),
            ("g", None, None),
            ("", None, None),
            ("1gi", None, None),
            ("9999999p", None, None),
            ("99999999999999999999999999999999999999999999", None, None),
        ];
        for (text, as_mib, as_bytes) in table {
            assert_eq!(spark_mib(text, SparkUnit::Mib), *as_mib, "{text:?}");
            assert_eq!(spark_mib(text, SparkUnit::Byte), *as_bytes, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[-+0-9.eEnumkMGTPKi ]{0,70}|\\PC{0,20}") {
            let _ = (nano(&text), milli(&text), mib(&text));
            let _ = (spark_mib(&text, SparkUnit::Mib), spark_mib(&text, SparkUnit::Byte));
        }

        #[test]
        fn whole_numbers_mean_themselves(number in 0_u32.., unit in prop::sample::select(vec![("m", 1), ("", 1000), ("k", 1_000_000)])) {
            prop_assert_eq!(milli(&format!("{number}{}", unit.0)), Some(i128::from(number) * unit.1));
        }
    }

    #[test]
    fn what_is_written_plainly_is_read_as_all_else_is() {
        for text in [
            "0",
            "1",
            "250m",
            "1000m",
            "999999999",
            "9999999999",
            "0m",
            "m",
            "1.5",
            "512Mi",
            "1Gi",
            "7001088Ki",
            "Mi",
            "999999999Gi",
            "9999999999Gi",
            " 1",
            "+1",
            "-1",
            "1k",
        ] {
            let value = Value::from(text);
            let slowly = |unit: i128| amount(&value).and_then(|nano| u64::try_from(div_up(nano, unit)).ok());
            assert_eq!(cpu_milli(&value), slowly(NANO / 1000), "{text}");
            assert_eq!(bytes(&value), slowly(NANO), "{text}");
        }
    }
}
