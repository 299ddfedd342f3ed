//! Embeds a gateway in a program: `cargo run --example embed_gateway`, or with `-- ramgate.toml` for a configuration.
//!
//! Without a configuration, the gateway is the demo account in front of the embedded ECS. It prints its address,
//! answers calls until Ctrl-C, and then finishes the calls in flight.

use std::error::Error;
use std::path::Path;

use ramgate::serve::{CancellationToken, Plan, Reloads};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut plan = match std::env::args().nth(1) {
        Some(path) => {
            let folder = Path::new(&path).parent().unwrap_or(Path::new(""));
            Plan::from_text(&path, &std::fs::read_to_string(&path)?, folder)?
        }
        None => Plan::demo(),
    };
    plan.settings.listen = "127.0.0.1:0".parse()?;

    let prepared = plan.prepare()?;
    for warning in prepared.warnings() {
        eprintln!("warning: {}", warning.title);
    }
    let shutdown = CancellationToken::new();
    let gateway = prepared.bind().await?.start(Reloads::never(), &shutdown).await?;
    println!("listening on http://{}", gateway.addresses().calls);

    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            shutdown.cancel();
        }
    });
    gateway.run().await;
    println!("stopped");
    Ok(())
}
