//! Pass-through (`[upstream] signing = "passthrough"`): a judged call is passed on as its caller signed it, byte for
//! byte, or refused.

mod bytes;
mod callers;
mod door;
mod hosts;
mod hung;
mod received;
mod refused;
mod served;
