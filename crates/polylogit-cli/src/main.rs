//! The polylogit command.

fn main() {}
