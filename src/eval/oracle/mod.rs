//! The clairvoyant optimum: what a controller that knows the future would pay.

pub mod dp;
