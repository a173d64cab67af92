//! One test binary for everything that needs more than one room.

mod binary;
mod stories;
mod tidy;
