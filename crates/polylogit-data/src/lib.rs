//! From table files to what the engine takes, and back again at predict.
//!
//! [`read_training`] infers each column's role (number, category, target, weight), fills or drops missing values,
//! and remembers all of it in a [`Schema`]; [`read_with_schema`] does the same to new files. Without its default
//! features the crate is the [`Schema`] alone, and [`spare_memory`].
//!
//! Rows in messages are lines of the file, the header being line 1.

mod error;
mod machine;
mod near;
#[cfg(feature = "csv")]
mod read;
mod schema;

pub use error::{At, Error, Result};
pub use machine::spare_memory;
pub use near::nearest;
#[cfg(feature = "csv")]
pub use read::{
    ApplyOptions, Dataset, Format, Matrix, MissingPolicy, ReadOptions, Report, Source, Table, UnseenPolicy,
    format_of, read_training, read_with_schema,
};
pub use schema::{Column, Kind, Schema};
