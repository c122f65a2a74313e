//! Names as the API server takes them, and the object an HPA scales.

use std::fmt;
use std::str::FromStr;

use crate::error::UnitError;

/// `metadata.name` of most objects: an RFC 1123 subdomain of at most 253 characters, such as `web` or `web.v2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

/// `metadata.namespace`: an RFC 1123 label of at most 63 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace(String);

/// What an HPA scales: `deployment/web`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its kind.
    pub kind: TargetKind,
    /// Its name.
    pub name: Name,
}

/// The kinds of `apps/v1` that have a scale subresource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// `Deployment`.
    Deployment,
    /// `StatefulSet`.
    StatefulSet,
    /// `ReplicaSet`.
    ReplicaSet,
}

impl TargetKind {
    /// `kind` as manifests spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::ReplicaSet => "ReplicaSet",
        }
    }
}

/// Whether `text` is an RFC 1123 label: lower-case letters, digits and inner hyphens, 1 to 63 characters.
fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// Whether `text` is an RFC 1123 subdomain: labels (here of any length) joined by dots, 1 to 253 characters.
/// Source: `IsDNS1123Subdomain` of `k8s.io/apimachinery/pkg/util/validation`.
fn is_subdomain(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let part =
        |part: &str| !part.is_empty() && part.bytes().all(inner) && !part.starts_with('-') && !part.ends_with('-');
    text.len() <= 253 && text.split('.').all(part)
}

impl FromStr for Name {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        is_subdomain(text).then(|| Self(text.to_owned())).ok_or_else(|| {
            let remedy =
                "write lower-case letters, digits, '-' and '.', at most 253, with a letter or digit at both ends";
            UnitError::new(text, "a name of a Kubernetes object", remedy)
        })
    }
}

impl FromStr for Namespace {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        is_label(text).then(|| Self(text.to_owned())).ok_or_else(|| {
            let remedy = "write lower-case letters, digits and '-', at most 63, with a letter or digit at both ends";
            UnitError::new(text, "a Kubernetes namespace", remedy)
        })
    }
}

impl FromStr for Target {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong =
            || UnitError::new(text, "a scale target", "write deployment/NAME, statefulset/NAME or replicaset/NAME");
        let (kind, name) = text.split_once('/').ok_or_else(wrong)?;
        let kind = match kind.to_ascii_lowercase().as_str() {
            "deployment" | "deployments" | "deploy" | "deployment.apps" => TargetKind::Deployment,
            "statefulset" | "statefulsets" | "sts" | "statefulset.apps" => TargetKind::StatefulSet,
            "replicaset" | "replicasets" | "rs" | "replicaset.apps" => TargetKind::ReplicaSet,
            _ => return Err(wrong()),
        };
        Ok(Self { kind, name: name.parse()? })
    }
}

impl Name {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.as_str(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_rfc_1123() {
        for good in ["web", "a", "0", "web.v2", "no", "12", &"a".repeat(253)] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", "Web", "web_1", "-web", "web-", "web..v2", ".web", "wéb", "a b", &"a".repeat(254)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
        assert!("kube-system".parse::<Namespace>().is_ok());
        for bad in ["a.b", "", "A", &"a".repeat(64)] {
            assert!(bad.parse::<Namespace>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_target_is_named_as_kubectl_names_it() {
        for (text, full) in [
            ("deployment/web", "Deployment/web"),
            ("deploy/web", "Deployment/web"),
            ("deployment.apps/web", "Deployment/web"),
            ("StatefulSet/db", "StatefulSet/db"),
            ("rs/old", "ReplicaSet/old"),
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), full);
        }
        for bad in ["web", "daemonset/web", "deployment/", "deployment/Web", "/web"] {
            assert!(bad.parse::<Target>().is_err(), "{bad}");
        }
    }
}
