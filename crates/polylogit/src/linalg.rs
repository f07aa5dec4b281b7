//! Dense factorisations; the only file that names the linear-algebra crate.
