//! The API: what it answers, to whom, and what of it is on record.

mod gate;
