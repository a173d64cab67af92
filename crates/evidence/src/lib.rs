//! The vocabulary: evidence, assessment, finding, outcome, period, clock, ids, canonical bytes. No I/O.
