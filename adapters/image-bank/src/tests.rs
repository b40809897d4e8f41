//! The promises of this destination, without a network.

mod against_the_stand_in;
mod documented;
mod outcomes;
mod profiles;
mod reading;
mod wire;
