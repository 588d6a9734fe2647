//! Releases of Helm charts in Terraform: their values, from texts in YAML and from settings.
//!
//! Later texts stand over earlier ones, and settings over all of them; what they make is for [`chart`] to tell.
//!
//! Deliberately absent: charts themselves, which Terraform fetches.

use super::{Out, Resource, Value};
use crate::read::chart::values::Values;
use crate::read::chart::{self, Chart, Release};
use crate::read::code::{Declared, Form, gone_repository};
use crate::read::terraform::attribute::lit;
use crate::read::terraform::functions::from_yaml;
use crate::read::written::join;

pub(super) fn release(resource: &Resource, out: &mut Out) {
    let namespace = resource.body.get("namespace").cloned().unwrap_or_else(|| lit("default"));
    let truth = |name: &str| resource.body.get(name).and_then(Value::as_bool) == Some(true);
    let values = values(resource, out);
    if let Some(config) = chart::gateway(&values.said) {
        out.declared.push(Declared::Gateway { config: config.clone() });
    }
    let said = |name: &str| resource.get(name).as_string();
    let (name, repository, version) = (said("chart").unwrap_or_default(), said("repository"), said("version"));
    let at = resource.body.get("repository").and_then(|value| value.spot).or(resource.spot).map(|spot| spot.at());
    out.declared.extend(repository.as_deref().and_then(|address| gone_repository(address, at)));
    let chart = Chart::named(&name, &repository.unwrap_or_default(), version.as_deref(), &values);
    let release = Release {
        name: out.node(&resource.get("name")),
        namespace: out.node(&namespace),
        creates_namespace: truth("create_namespace") && resource.body.get("namespace").is_some(),
        chart,
        version,
        // What stands in a folder may be a chart with other defaults.
        values: Values { whole: values.whole && !name.starts_with(['.', '/']), ..values },
        cluster: resource.cluster.as_ref().map(super::text),
        at: resource.spot.map(|spot| spot.at()),
    };
    chart::declare(&release, &mut out.declared);
}

/// All values of a release together.
fn values(resource: &Resource, out: &mut Out) -> Values {
    let mut all = Values::default();
    all.said.at = resource.spot.map(|spot| spot.at());
    let is_list = |name: &str| resource.body.get(name).is_none_or(|value| value.why().is_none());
    if !is_list("values") {
        all.forget();
    }
    for layer in resource.body.get("values").map(Value::items).unwrap_or_default() {
        match from_yaml(layer) {
            Some(documents) => documents.iter().for_each(|document| all.lay(out.node(document))),
            None => all.forget(),
        }
    }
    for blocks in ["set", "set_sensitive", "set_list"] {
        if !is_list(blocks) {
            all.forget();
        }
        for block in resource.body.blocks(blocks) {
            let Some(name) = block.get("name").and_then(Value::as_string) else {
                all.forget();
                continue;
            };
            let value = out.node(block.get("value").unwrap_or(&Value::NULL));
            match (&value.form, blocks) {
                (Form::Text(setting), "set" | "set_sensitive") => {
                    let literal = block.get("type").and_then(Value::as_string).as_deref() == Some("string");
                    let setting = join([name.as_str().into(), "=".into(), setting.clone()]);
                    all.set(&setting, value.at.as_ref(), literal);
                }
                _ => all.set_node(&name, value),
            }
        }
    }
    if resource.body.get("reuse_values").is_some_and(|reuse| reuse.as_bool() != Some(false)) {
        all.whole = false;
    }
    all
}
