//! Every baseline, as an autoscaler or a tuner.
