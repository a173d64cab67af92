//! How many names manifests hold, counted from typed structures that keep names only.

use super::super::{SourceError, yaml};
use super::Kubernetes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

type Keys = BTreeMap<String, IgnoredAny>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    kind: Option<String>,
    items: Option<Vec<Object>>,
    data: Option<Keys>,
    string_data: Option<Keys>,
    binary_data: Option<Keys>,
    #[serde(default)]
    spec: Option<Spec>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Spec {
    containers: Option<Vec<Container>>,
    init_containers: Option<Vec<Container>>,
    ephemeral_containers: Option<Vec<Container>>,
    template: Option<Template>,
    job_template: Option<Template>,
    encrypted_data: Option<Keys>,
    data: Option<External>,
    data_from: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize)]
struct Template {
    spec: Option<Box<Spec>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    env: Option<Vec<IgnoredAny>>,
    env_from: Option<Vec<IgnoredAny>>,
}

/// `spec.data` is a list in an ExternalSecret; other kinds use the name for other things.
struct External(u64);

impl<'de> Deserialize<'de> for External {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> serde::de::Visitor<'de> for Seen {
            type Value = External;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list or a mapping")
            }
            fn visit_unit<E>(self) -> Result<External, E> {
                Ok(External(0))
            }
            fn visit_str<E>(self, _: &str) -> Result<External, E> {
                Ok(External(0))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<External, A::Error> {
                let mut count = 0;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(External(count))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<External, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(External(0))
            }
        }
        deserializer.deserialize_any(Seen)
    }
}

/// Keys of Secrets and ConfigMaps, entries of containers' environments, keys of sealed and external
/// secrets.
pub(super) fn names(source: &Kubernetes) -> Result<u64, SourceError> {
    let mut total = 0;
    for (file, text) in source.texts()? {
        for object in yaml::typed::<Object>(&file, &text)? {
            total += of_object(&object);
        }
    }
    Ok(total)
}

fn of_object(object: &Object) -> u64 {
    let length = |keys: &Option<Keys>| keys.as_ref().map_or(0, BTreeMap::len) as u64;
    let spec = object.spec.as_ref();
    match object.kind.as_deref().unwrap_or("") {
        "Secret" => {
            let plain = object.string_data.iter().flat_map(BTreeMap::keys);
            let only_plain = plain.filter(|key| !object.data.as_ref().is_some_and(|data| data.contains_key(*key)));
            length(&object.data) + only_plain.count() as u64
        }
        "ConfigMap" => length(&object.data) + length(&object.binary_data),
        "SealedSecret" => spec.map_or(0, |spec| length(&spec.encrypted_data)),
        "ExternalSecret" => spec.map_or(0, |spec| {
            let listed = spec.data.as_ref().map_or(0, |data| data.0);
            listed + spec.data_from.as_ref().map_or(0, Vec::len) as u64
        }),
        kind if kind.ends_with("List") => object.items.iter().flatten().map(of_object).sum(),
        _ => spec.map_or(0, of_spec),
    }
}

fn of_spec(spec: &Spec) -> u64 {
    let entries = |list: &Option<Vec<IgnoredAny>>| list.as_ref().map_or(0, Vec::len) as u64;
    let containers = [&spec.containers, &spec.init_containers, &spec.ephemeral_containers];
    let own: u64 = containers
        .into_iter()
        .flatten()
        .flatten()
        .map(|container| entries(&container.env) + entries(&container.env_from))
        .sum();
    let nested = [&spec.template, &spec.job_template].into_iter().flatten();
    own + nested.filter_map(|template| template.spec.as_deref()).map(of_spec).sum::<u64>()
}
