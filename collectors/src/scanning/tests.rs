//! Parts, places and remarks.
