//! Pass-through (`[upstream] signing = "passthrough"`): what is judged goes on as its caller signed it, byte for byte,
//! or not at all.

mod bytes;
mod callers;
mod door;
mod hosts;
mod hung;
mod received;
mod refused;
mod served;
