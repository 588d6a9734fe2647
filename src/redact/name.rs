//! Names that say that what they name is a secret.
//!
//! Compared are letters and digits alone, because one program's `access.key` is another's `AccessKey`. What
//! ends in a word about a secret, its name, its kind or how long it holds, is none.

use super::MARK;
use super::words::Words;

/// Whether a field, an argument or a setting of this name holds a secret.
#[must_use]
pub fn names_a_secret(name: &str) -> bool {
    // The longest names of settings are not longer; texts are no names.
    if !MAY_NAME.in_text(name)
        || name.len() > 200
        || name.contains([' ', '/', '*']) && !name.contains("://") && name.contains(' ')
    {
        return false;
    }
    let letters = letters(name);
    let whole = matches!(letters.as_str(), "credentials" | "secrets" | "tokens" | "auth" | "pwd" | "sig" | "pass");
    if whole {
        return !matches!(letters.as_str(), "credentials" | "secrets" | "tokens");
    }
    (WORDS.iter().any(|word| letters.contains(word)) || letters.ends_with("pwd") || letters.ends_with("pass"))
        && !HARMLESS.iter().any(|end| letters.ends_with(end))
        && !letters.contains("secretkeyref")
}

/// Whether a setting of Spark sets a variable of an environment.
pub(super) fn sets_a_variable(name: &str) -> bool {
    name.starts_with("spark.") && (name.contains("Env.") || name.contains("env."))
}

/// Whether a text is no secret but says where one is, or stands for one that was taken out.
pub(super) fn is_reference(text: &str) -> bool {
    const PREFIXES: &[&str] = &[
        "k8s:secret:",
        "localhost:env:",
        "arn:aws",
        "{{",
        "$(",
        "${",
        "vault:",
        "ssm:",
        "EMR.secret@",
        "secretsmanager:",
        "file:",
        "env:",
    ];
    const WORDS: &[&str] =
        &["", "true", "false", "none", "null", "required", "optional", "enabled", "disabled", "default"];
    text == MARK
        || text.ends_with(":***")
        || WORDS.contains(&text)
        || PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

/// Whether the name that is written here to its last letter may be that of a secret, wherever it begins. More than
/// [`names_a_secret`] says, and never less.
pub(super) fn may_end_a_name(name: &str) -> bool {
    let letters = letters(name);
    let harmless = HARMLESS.iter().any(|end| *end != "httptokens" && letters.ends_with(end));
    !harmless && (WORDS.iter().any(|word| letters.contains(word)) || ENDS.iter().any(|end| letters.ends_with(end)))
}

fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// What the name of a secret says, in letters and digits alone.
const WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "privatekey",
    "accesskey",
    "apikey",
    "accountkey",
    "sharedkey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "connectionstring",
    "keydata",
    "certdata",
    "signature",
];

/// The ends of names in which such words stand and that are no secrets themselves.
const HARMLESS: &[&str] = &[
    "name",
    "names",
    "ref",
    "arn",
    "id",
    "file",
    "path",
    "dir",
    "location",
    "type",
    "url",
    "uri",
    "namespace",
    "expiration",
    "seconds",
    "ttl",
    "enabled",
    "required",
    "provider",
    "providers",
    "version",
    "class",
    "audience",
    "method",
    "mode",
    "algorithm",
    "policy",
    "resource",
    "key.name",
    "httptokens",
    "renewer",
    "factory",
    "servicename",
    "format",
    "count",
    "limit",
    "interval",
    "tokenkey",
    "length",
];

/// Short words that are names of secrets by themselves or at the end of one.
const ENDS: &[&str] = &["auth", "pwd", "sig", "pass"];

/// Parts of names that may be those of a secret.
static MAY_NAME: Words = Words::of(&["pass", "pwd", "secret", "token", "cred", "key", "sig", "auth", "cert", "string"]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_secrets_from_what_is_about_them() {
        for (name, expected) in [
            ("password", true),
            ("dbPassword", true),
            ("spark.hadoop.fs.s3a.secret.key", true),
            ("spark.hadoop.fs.s3a.access.key", true),
            ("fs.azure.account.key.x.dfs.core.windows.net", true),
            ("javax.jdo.option.ConnectionPassword", true),
            ("--api-key", true),
            ("X-Amz-Security-Token", true),
            ("X-Amz-Signature", true),
            ("userTokenSOPS", true),
            ("KdcAdminPassword", true),
            ("secretName", false),
            ("credentials", false),
            ("tokenExpirationSeconds", false),
            ("eks.amazonaws.com/token-expiration", false),
            ("spark.hadoop.fs.s3a.aws.credentials.provider", false),
            ("HttpTokens", false),
            ("RoleName", false),
            ("spark.kubernetes.driver.secretKeyRef.DB", false),
            ("key", false),
            ("SecretId", false),
            ("a sentence about a password", false),
        ] {
            assert_eq!(names_a_secret(name), expected, "{name}");
            assert!(!expected || may_end_a_name(&format!("x-{name}")), "{name}");
        }
    }
}
