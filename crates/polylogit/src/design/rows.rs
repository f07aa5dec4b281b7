//! Row blocks.
