//! The command from outside: what it prints, writes and returns, by theme.

mod bad_input;
mod calibrate;
mod common;
mod conventions;
mod formats;
mod golden;
mod groups;
mod help;
mod interrupt;
mod models;
mod paths;
mod penguins;
mod report;
mod summary;
mod summary_contrasts;
mod summary_rows;
mod sweep;
mod threads;
