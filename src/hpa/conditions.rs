//! `status.conditions` of an HPA, with the controller's reasons.

use std::fmt;
use std::str::FromStr;

use super::inputs::Status;

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// The word as it stands in the API.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($variant),)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = ();

            fn from_str(word: &str) -> Result<Self, ()> {
                match word {
                    $(stringify!($variant) => Ok(Self::$variant),)*
                    _ => Err(()),
                }
            }
        }
    };
}

words! {
    /// `type` of a condition.
    ConditionType {
        /// Whether the controller can read and write the scale.
        AbleToScale,
        /// Whether metrics can be evaluated and scaling is on.
        ScalingActive,
        /// Whether a limit bound the last recommendation.
        ScalingLimited,
        /// Whether the HPA itself went to zero replicas (feature gate `HPAScaleToZero`).
        ScaledToZero,
    }
}

words! {
    /// `reason` of a condition.
    Reason {
        /// The scale was read.
        SucceededGetScale,
        /// The stabilised recommendation is the raw one.
        ReadyForNewScale,
        /// A past, lower recommendation holds back a scale-up.
        ScaleUpStabilized,
        /// A past, higher recommendation holds back a scale-down.
        ScaleDownStabilized,
        /// The scale was written.
        SucceededRescale,
        /// The scale could not be written.
        FailedUpdateScale,
        /// Metrics were evaluated.
        ValidMetricFound,
        /// The target has zero replicas.
        ScalingDisabled,
        /// The scale's selector is missing or does not parse.
        InvalidSelector,
        /// A Resource metric has no value.
        FailedGetResourceMetric,
        /// A `ContainerResource` metric has no value.
        FailedGetContainerResourceMetric,
        /// A Pods metric has no value.
        FailedGetPodsMetric,
        /// An Object metric has no value.
        FailedGetObjectMetric,
        /// An External metric has no value.
        FailedGetExternalMetric,
        /// A metric has a type that the controller does not know.
        InvalidMetricSourceType,
        /// No limit bound the recommendation.
        DesiredWithinRange,
        /// `minReplicas` bound it.
        TooFewReplicas,
        /// `maxReplicas` bound it.
        TooManyReplicas,
        /// A scale-up policy, or the cap without `behavior`, bound it.
        ScaleUpLimit,
        /// A scale-down policy bound it.
        ScaleDownLimit,
        /// The last rescale went to zero replicas.
        ScaledToZero,
        /// The last rescale did not go to zero replicas.
        NotScaledToZero,
    }
}

/// One condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// Its type.
    pub kind: ConditionType,
    /// Its status.
    pub status: Status,
    /// Why.
    pub reason: Reason,
}

/// The conditions in order of their first appearance, one a type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions(Vec<Condition>);

impl Conditions {
    /// Updates the condition of that type in place, or appends it.
    pub fn set(&mut self, kind: ConditionType, status: Status, reason: Reason) {
        let new = Condition { kind, status, reason };
        match self.0.iter_mut().find(|condition| condition.kind == kind) {
            Some(condition) => *condition = new,
            None => self.0.push(new),
        }
    }

    /// Drops the condition of that type.
    pub fn remove(&mut self, kind: ConditionType) {
        self.0.retain(|condition| condition.kind != kind);
    }

    /// The condition of that type.
    #[must_use]
    pub fn get(&self, kind: ConditionType) -> Option<Condition> {
        self.iter().find(|condition| condition.kind == kind)
    }

    /// Whether the condition of that type is there and true.
    #[must_use]
    pub fn is_true(&self, kind: ConditionType) -> bool {
        self.get(kind).is_some_and(|condition| condition.status == Status::True)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Condition> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<Condition> for Conditions {
    fn from_iter<I: IntoIterator<Item = Condition>>(conditions: I) -> Self {
        Self(conditions.into_iter().collect())
    }
}
