//! Role names as EMR on EKS writes them into service-account names.
//!
//! The name is read as a big-endian number of its bytes and written in base 36, lower case and
//! unpadded, as `aws emr-containers update-role-trust-policy` does. The encoding is reversible, so a
//! suffix that is found in a trust policy tells which role it was made for.
//!
//! Deliberately absent: ARNs and paths; EMR encodes the bare name.

use crate::known::Text;

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Longer texts are no encoded role name (64 characters encode to 99), and decoding costs the square
/// of the length.
const LONGEST: usize = 256;

/// Encodes a role's name.
#[must_use]
pub fn encode(role_name: &str) -> String {
    let digits = rebase(role_name.bytes().map(u32::from), 256, 36);
    if digits.is_empty() {
        return "0".to_owned();
    }
    digits.into_iter().map(|digit| char::from(DIGITS[digit as usize])).collect()
}

/// The role's name that `text` encodes; `None` where it is no number in base 36 or no text comes out.
#[must_use]
pub fn decode(text: &str) -> Option<String> {
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    let digits: Option<Vec<u32>> =
        text.bytes().map(|byte| DIGITS.iter().position(|digit| *digit == byte).map(|at| at as u32)).collect();
    let bytes: Vec<u8> = rebase(digits?.into_iter(), 36, 256).into_iter().map(|byte| byte as u8).collect();
    String::from_utf8(bytes).ok()
}

/// The digits of a number in another base, most significant first and without leading zeros.
fn rebase(digits: impl Iterator<Item = u32>, from: u32, to: u32) -> Vec<u32> {
    let mut least_first: Vec<u32> = Vec::new();
    for digit in digits {
        let mut carry = digit;
        for place in &mut least_first {
            let sum = *place * from + carry;
            *place = sum % to;
            carry = sum / to;
        }
        while carry > 0 {
            least_first.push(carry % to);
            carry /= to;
        }
    }
    least_first.reverse();
    least_first
}

/// The same of a name that may have holes: what is not known of the name leaves nothing known of this,
/// but that it is the same wherever the name is the same.
#[must_use]
pub fn of(name: &Text) -> Text {
    match name.as_str() {
        Some(name) => Text::literal(encode(name)),
        None => Text::hole(format!("base36 of {}", name.to_string().replace(['$', '{', '}'], ""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn encodes_as_the_aws_cli_does() {
        for (role, suffix) in [
            ("", "0"),
            ("a", "2p"),
            ("MyRole", "u70qubg4l"),
            ("sparkjobrole", "3gp0xl9mizo1ssl4lt1"),
            ("+=,.@-_", "3bu5b0xg4tb"),
            ("abcdefghijkl+=,.@-_", "1ll75jdngh5gbk11wbh7h35ji05wtb"),
            ("SparkPilotEmrExecutionRole", "r0go5vhb6cqn8xz6q1cogu6lzeot8uou25fkd8it"),
            ("EMRContainers-JobExecutionRole", "189nnyj7mn9w2lqiewgg1u0l3jhmo0z69yjkj9u6qhosj8l"),
        ] {
            assert_eq!(encode(role), suffix);
            assert_eq!(decode(suffix).as_deref(), Some(role));
        }
    }

    #[test]
    fn decodes_a_name_that_was_encoded_with_its_line_break() {
        assert_eq!(decode("2eum5fah1jc1kwyjc19ikdhdkdegh1n26vbe").as_deref(), Some("JobExecutionRoleIRSAv2\n"));
        assert_eq!(decode("NOT-BASE-36"), None);
        assert_eq!(decode(""), None);
        assert_eq!(decode(&"z".repeat(100_000)), None);
    }

    proptest! {
        #[test]
        fn every_role_name_comes_back(name in "[A-Za-z0-9+=,.@_-]{1,64}") {
            prop_assert_eq!(decode(&encode(&name)), Some(name));
        }
    }
}
