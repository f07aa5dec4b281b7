//! Tables of every format, good and bad, through the two doors of the crate.

mod bad;
mod common;
mod formats;
mod roles;
mod sparse;
