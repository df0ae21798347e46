//! Names the commit that a binary was built from (`--version`).

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=TSUTSUJI_COMMIT");
    println!("cargo:rerun-if-changed=../../.git/HEAD");
    let from_git = || {
        let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
    };
    let commit = std::env::var("TSUTSUJI_COMMIT").ok().or_else(from_git).unwrap_or_else(|| "unknown".to_string());
    println!("cargo:rustc-env=TSUTSUJI_COMMIT={commit}");
}
