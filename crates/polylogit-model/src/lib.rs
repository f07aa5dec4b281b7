//! polylogit-model
