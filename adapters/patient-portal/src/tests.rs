//! The destination's promises, on the real journey and against its stand-in.

mod certificates;
mod clearing;
mod delivering;
mod documented;
mod foreign;
mod schema;
