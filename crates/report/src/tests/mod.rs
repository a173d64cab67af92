//! Stories told entry by entry, and what a report makes of them.

mod attested;
mod folding;
mod hostile;
mod samples;
mod story;
mod waived;
mod wording;
