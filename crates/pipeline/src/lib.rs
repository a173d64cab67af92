//! World, and the steps that move evidence forward.
