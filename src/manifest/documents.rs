//! A file of manifests: several documents, `List`s within, and the one object that is meant.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::node::{self, Entry, Kind, Node};
use crate::error::{InputError, Place};

/// Largest file that is read, in bytes; a cluster's worth of HPAs takes a few MB.
const MAX_BYTES: u64 = 256 << 20;

/// The objects of a file of manifests.
#[derive(Debug, Clone)]
pub struct Manifests {
    pub(super) path: PathBuf,
    pub(super) objects: Vec<Node>,
}

impl Manifests {
    /// Reads a file, or standard input for `-`: YAML or JSON, of one document or several. The items of `List`s stand for
    /// them.
    ///
    /// # Errors
    /// A file that cannot be read, is not YAML, or holds something that is no Kubernetes object.
    pub fn read(path: &Path) -> Result<Self, InputError> {
        Ok(Self { path: path.to_owned(), objects: read(path)? })
    }
}

fn read(path: &Path) -> Result<Vec<Node>, InputError> {
    let text = bytes(path).map_err(|error| InputError::io(path, "read", &error))?;
    if text.len() as u64 > MAX_BYTES {
        let problem = format!("larger than {} MiB", MAX_BYTES >> 20);
        return Err(InputError::new(problem, "name a file of manifests").at(Place::file(path)));
    }
    let mut objects = Vec::new();
    for document in node::parse(&text, path)? {
        flatten(document, path, &mut objects)?;
    }
    Ok(objects)
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut text)?;
    } else {
        std::fs::File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut text)?;
    }
    Ok(text)
}

fn flatten(document: Node, path: &Path, objects: &mut Vec<Node>) -> Result<(), InputError> {
    let wrong = |node: &Node, problem: &str| {
        Err(InputError::new(problem, "start it with apiVersion and kind").at(node.at.place(path)))
    };
    if !matches!(document.kind, Kind::Map(_)) {
        return wrong(&document, "not a Kubernetes object");
    }
    let Some(kind) = document.text("kind").filter(|kind| !kind.is_empty()) else {
        return wrong(&document, "an object without `kind`");
    };
    match document.get("items").map(|items| &items.kind) {
        Some(Kind::List(items)) if kind.ends_with("List") => {
            items.iter().try_for_each(|item| flatten(typed(item, &document), path, objects))
        }
        _ => {
            objects.push(document);
            Ok(())
        }
    }
}

/// An item of a list. In a typed list, as the API server answers with, items have the kind and version of the list.
fn typed(item: &Node, list: &Node) -> Node {
    let kind = list.text("kind").and_then(|kind| kind.strip_suffix("List")).filter(|kind| !kind.is_empty());
    let mut item = item.clone();
    for (key, text) in [("kind", kind), ("apiVersion", kind.and(list.text("apiVersion")))] {
        let absent = item.get(key).is_none();
        if let (Kind::Map(entries), Some(text), true) = (&mut item.kind, text, absent) {
            let value = Node { at: item.at, kind: Kind::Text(text.to_owned()) };
            entries.push(Entry { at: item.at, key: key.to_owned(), value });
        }
    }
    item
}

/// The one object of `kinds` in a file; `which` picks among several, as `NAME` or `KIND/NAME`, and `title` says by what
/// further title an object is known, such as an HPA by its scale target.
pub(super) fn choose(
    objects: Vec<Node>,
    kinds: &[&str],
    which: Option<&str>,
    title: impl Fn(&Node) -> Option<String>,
    path: &Path,
) -> Result<Node, InputError> {
    let (mut candidates, others): (Vec<Node>, Vec<Node>) =
        objects.into_iter().partition(|object| object.text("kind").is_some_and(|kind| kinds.contains(&kind)));
    if candidates.is_empty() {
        return Err(none(kinds, &others, path));
    }
    let offered = candidates.iter().map(|object| describe(object, &title)).collect::<Vec<_>>().join(", ");
    if let Some(which) = which {
        candidates.retain(|object| answers_to(object, which, &title));
    }
    if candidates.len() == 1 {
        return Ok(candidates.remove(0));
    }
    let error = match which {
        Some(which) if candidates.is_empty() => {
            InputError::new(format!("{which} is not there"), format!("name one of {offered}"))
        }
        _ => {
            let problem = format!("{} objects fit: {offered}", candidates.len());
            InputError::new(problem, "say which with `--target KIND/NAME`, or give a file with one")
        }
    };
    Err(error.at(Place::file(path)))
}

fn none(kinds: &[&str], others: &[Node], path: &Path) -> InputError {
    let found: Vec<_> = others.iter().map(|object| describe(object, |_| None)).collect();
    let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
    let wanted = kinds.join(" or ");
    InputError::new(format!("no {wanted}; found {found}"), format!("name a file that holds a {wanted}"))
        .at(Place::file(path))
}

/// What an object is called: `Kind/name`.
pub(super) fn full_name(object: &Node) -> String {
    let kind = object.text("kind").unwrap_or_default();
    format!("{kind}/{}", object.text("metadata.name").unwrap_or("(unnamed)"))
}

fn describe(object: &Node, title: impl Fn(&Node) -> Option<String>) -> String {
    let name = full_name(object);
    title(object).map_or_else(|| name.clone(), |title| format!("{name} (for {title})"))
}

fn answers_to(object: &Node, which: &str, title: impl Fn(&Node) -> Option<String>) -> bool {
    let full = [Some(full_name(object)), title(object)];
    full.iter()
        .flatten()
        .any(|full| full.eq_ignore_ascii_case(which) || full.split_once('/').is_some_and(|(_, name)| name == which))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "apiVersion: v1\nkind: List\nitems:\n- {kind: Deployment, metadata: {name: web}}\n\
                       - {kind: Service, metadata: {name: web}}\n---\nkind: StatefulSet\nmetadata: {name: db}\n";

    fn objects(text: &str) -> Vec<Node> {
        let mut out = Vec::new();
        for document in node::parse(text.as_bytes(), Path::new("all.yaml")).unwrap() {
            flatten(document, Path::new("all.yaml"), &mut out).unwrap();
        }
        out
    }

    fn pick(which: Option<&str>) -> Result<String, String> {
        choose(objects(TWO), &["Deployment", "StatefulSet"], which, |_| None, Path::new("all.yaml"))
            .map(|object| full_name(&object))
            .map_err(|error| format!("{error}; {}", error.help))
    }

    #[test]
    fn lists_are_opened_and_other_kinds_passed_over() {
        let names: Vec<_> = objects(TWO).iter().map(full_name).collect();
        assert_eq!(names, ["Deployment/web", "Service/web", "StatefulSet/db"]);
        assert_eq!(pick(Some("web")), Ok("Deployment/web".to_owned()));
        assert_eq!(pick(Some("statefulset/db")), Ok("StatefulSet/db".to_owned()));
    }

    #[test]
    fn among_several_the_error_lists_them() {
        let error = pick(None).unwrap_err();
        assert!(error.starts_with("all.yaml: 2 objects fit: Deployment/web, StatefulSet/db; say which"), "{error}");
        let error = pick(Some("api")).unwrap_err();
        assert_eq!(error, "all.yaml: api is not there; name one of Deployment/web, StatefulSet/db");
        let nothing = choose(objects("kind: Service"), &["Deployment"], None, |_| None, Path::new("a")).unwrap_err();
        assert_eq!(nothing.to_string(), "a: no Deployment; found Service/(unnamed)");
    }

    #[test]
    fn items_of_a_typed_list_have_its_kind_and_version() {
        let text = "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscalerList, items: [{metadata: {name: a}}, \
                    {kind: Service, metadata: {name: b}}]}";
        let found = objects(text);
        assert_eq!(found.iter().map(full_name).collect::<Vec<_>>(), ["HorizontalPodAutoscaler/a", "Service/b"]);
        assert_eq!(found[0].text("apiVersion"), Some("autoscaling/v2"));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in
            ["- 1\n", "hello\n", "a: 1\n", "kind: ''\n", "{kind: List, items: [{a: 1}]}", "{kind: PodList, items: [1]}"]
        {
            let document = node::parse(text.as_bytes(), Path::new("a.yaml")).unwrap().remove(0);
            let error = flatten(document, Path::new("a.yaml"), &mut Vec::new()).unwrap_err();
            assert!(error.to_string().starts_with("a.yaml:1:"), "{error}");
        }
    }
}
