//! The collectors: each observes one kind of thing; judging is pure.
