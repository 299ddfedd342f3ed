//! One screen: parse, run, exit status.
fn main() {}
