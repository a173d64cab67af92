//! A new migration alone must rebuild the crate that has them built in.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
