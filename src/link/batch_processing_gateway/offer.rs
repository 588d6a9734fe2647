//! What a gateway offers those who submit: images, Spark versions, queues, and how it keeps its secrets.

use super::{DEFAULT_QUEUE, Parts, has, takes, text};
use crate::known::Unknown;
use crate::link::{Draft, application};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) fn images(parts: &Parts<'_>) -> Vec<Draft> {
    let images = parts.list("sparkImages").map(|(image, at)| {
        let mut draft = Draft::default();
        let name = text(&image["name"]);
        if let Some(spark) = application::spark_of_image(&name) {
            draft.set_at("spark", spark, format!("{at}/name"));
        }
        if let Some(release) = application::release_of_image(&name) {
            draft.set("release", format!("emr-{release}"));
        }
        let version = text(&image["version"]);
        if version.matches('.').count() == 2 {
            draft.set_at("sparkRelease", application::number(&version), format!("{at}/version"));
        }
        let before = parts.list("sparkImages").take_while(|(_, other)| *other != at);
        let mut before = before.filter(|(other, _)| !name.is_empty() && text(&other["name"]) == name);
        if let Some((other, _)) = before.find(|(other, _)| minor(&other["version"]) != minor(&image["version"])) {
            let unknown = Unknown::of(&other["version"]).or_else(|| Unknown::of(&image["version"]));
            draft.set("otherVersion", unknown.map_or_else(|| text(&other["version"]).into(), |it| it.to_value()));
        }
        for field in ["name", "version", "types"] {
            if !image[field].is_null() {
                draft.set_at(field, image[field].clone(), format!("{at}/{field}"));
            }
        }
        draft
    });
    images.collect()
}

/// The first two numbers of a version, within which Spark stays compatible.
fn minor(version: &Value) -> Vec<String> {
    text(version).split('.').take(2).map(str::to_owned).collect()
}

/// The Spark versions that clusters offer, and the images for each.
pub(super) fn versions(parts: &Parts<'_>) -> Vec<Draft> {
    let mut offered: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    for (cluster, at) in parts.list("sparkClusters") {
        for (index, version) in cluster["sparkVersions"].as_array().into_iter().flatten().enumerate() {
            let name = text(version);
            if !name.is_empty() {
                let first = || (format!("{at}/sparkVersions/{index}"), Vec::new());
                offered.entry(name.to_ascii_lowercase()).or_insert_with(first).1.push(text(&cluster["id"]));
            }
        }
    }
    let versions = offered.into_iter().map(|(name, (at, clusters))| {
        let mut draft = Draft::default();
        let image = parts.image(&name, None);
        draft.set_at("name", name, at);
        draft.set("clusters", clusters);
        match (image, Unknown::of(&parts.config["sparkImages"])) {
            (Some((image, at)), _) => draft.set_at("image", image["name"].clone(), format!("{at}/name")),
            (None, Some(unknown)) => draft.set("image", unknown.to_value()),
            (None, None) => {}
        }
        draft
    });
    versions.collect()
}

/// The queues that are defined or served.
pub(super) fn queues(parts: &Parts<'_>) -> Vec<Draft> {
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    named.insert(DEFAULT_QUEUE.to_owned(), format!("{}/sparkClusters", parts.at));
    for (queue, at) in parts.list("queues") {
        named.insert(text(&queue["name"]).to_ascii_lowercase(), format!("{at}/name"));
    }
    for (cluster, at) in parts.list("sparkClusters") {
        for (index, queue) in cluster["queues"].as_array().into_iter().flatten().enumerate() {
            named.entry(text(queue).to_ascii_lowercase()).or_insert_with(|| format!("{at}/queues/{index}"));
        }
    }
    named.retain(|name, _| !name.is_empty());
    let queues = named.into_iter().map(|(name, at)| {
        let mut draft = Draft::default();
        let parent = name.split('.').next().unwrap_or_default().to_owned();
        let served = parts.ids(&["queues", "weight"], |cluster| takes(cluster) && has(&cluster["queues"], &parent));
        if let Some((queue, at)) = parts.queue(&name) {
            draft.set_at("definition", queue.clone(), at.clone());
            if queue["secure"] == true {
                draft.set_at("secure", true, format!("{at}/secure"));
            }
        } else if let Some(unknown) = Unknown::of(&parts.config["queues"]) {
            draft.set("definition", unknown.to_value());
        }
        draft.set("isDefault", name == DEFAULT_QUEUE);
        draft.set_at("name", name, at);
        draft.set("servedBy", served);
        draft
    });
    queues.collect()
}

/// What the configuration has in place of its secrets.
pub(super) fn secrets(parts: &Parts<'_>) -> Vec<Draft> {
    let mut list = Vec::new();
    let mut add = |name: String, is_secret: bool, value: &Value, at: &str| {
        let form: Value = match (value.as_str(), Unknown::of(value)) {
            (None | Some(""), None) => return,
            (Some(value), _) => form(value).into(),
            (None, Some(unknown)) => unknown.to_value(),
        };
        let mut draft = Draft::default();
        // The place is what holds the secret: a report that showed the value would spread it.
        let holder = at.rsplit_once('/').map_or(at, |(holder, _)| holder);
        draft.set_at("name", name, holder);
        draft.set("isSecret", is_secret);
        draft.set_at("form", form, holder);
        list.push(draft);
    };
    for (cluster, at) in parts.list("sparkClusters") {
        let id = text(&cluster["id"]);
        for (field, is_secret) in [("caCertDataSOPS", false), ("userTokenSOPS", true)] {
            add(format!("{field} of {id}"), is_secret, &cluster[field], &format!("{at}/{field}"));
        }
    }
    let at = parts.at;
    let password = &parts.config["dbStorageSOPS"]["password"];
    add("dbStorageSOPS.password".into(), true, password, &format!("{at}/dbStorageSOPS/password"));
    let tokens = parts.config["queueTokenSOPS"]["secrets"].as_array();
    for (index, secret) in tokens.into_iter().flatten().enumerate() {
        add(format!("queueTokenSOPS.secrets[{index}]"), true, secret, &format!("{at}/queueTokenSOPS/secrets"));
    }
    list
}

/// The form of what stands for a secret, as the gateway tells it.
fn form(value: &str) -> &'static str {
    if let Some(reference) = value.strip_prefix("k8s:secret:") {
        let parts: Vec<&str> = reference.split(':').collect();
        // Without a namespace it is the gateway's own.
        let whole = matches!(parts.as_slice(), [_, name, key] if !name.is_empty() && !key.is_empty());
        if whole { "a Kubernetes Secret" } else { "malformed" }
    } else if let Some(name) = value.strip_prefix("localhost:env:") {
        if name.is_empty() { "malformed" } else { "an environment variable" }
    } else if value.starts_with("plaintext:") {
        "plain text"
    } else {
        "literal"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_secrets() {
        for (value, expected) in [
            ("k8s:secret:bpg:tokens:a", "a Kubernetes Secret"),
            ("k8s:secret::tokens:a", "a Kubernetes Secret"),
            ("k8s:secret:bpg:tokens", "malformed"),
            ("k8s:secret:bpg:tokens:", "malformed"),
            ("localhost:env:TOKEN", "an environment variable"),
            ("localhost:env:", "malformed"),
            ("plaintext:***", "plain text"),
            ("***", "literal"),
        ] {
            assert_eq!(form(value), expected, "{value}");
        }
    }
}
