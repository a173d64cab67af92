//! One test binary for everything that needs more than one room.

mod stories;
mod tidy;
