//! polylogit-data
