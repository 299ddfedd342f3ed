//! The cost of a call through the gateway on the loopback interface, with sequential calls on one connection.

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::Write;
use std::net::TcpStream;

use divan::Bencher;
use support::wire::{connect, read_answer};
use support::{Caller, FakeUpstream, Shape, TestGateway};

fn main() {
    divan::main();
}

/// The baseline: calls sent directly to the upstream.
#[divan::bench]
fn direct(bencher: Bencher<'_, '_>) {
    let upstream = FakeUpstream::start();
    exchanges(bencher, &mut connect(upstream.address), &Caller::terway());
}

#[divan::bench]
fn allowed(bencher: Bencher<'_, '_>) {
    let upstream = FakeUpstream::start();
    let gateway = TestGateway::before(&upstream.url());
    exchanges(bencher, &mut connect(gateway.address), &Caller::terway());
}

#[divan::bench]
fn denied(bencher: Bencher<'_, '_>) {
    let upstream = FakeUpstream::start();
    let gateway = TestGateway::before(&upstream.url());
    exchanges(bencher, &mut connect(gateway.address), &Caller::bob());
}

/// Each call is signed anew, outside the measured time.
fn exchanges(bencher: Bencher<'_, '_>, stream: &mut TcpStream, caller: &Caller) {
    bencher.with_inputs(|| caller.attach(Shape::V1Get)).bench_local_refs(|request| {
        stream.write_all(request).expect("the server listens");
        read_answer(stream).expect("the server answers")
    });
}
