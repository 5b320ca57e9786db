//! Compiles `proto/grep11.proto` to messages, client and server, in pure Rust: no `protoc` is
//! needed.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto/grep11.proto");
    let files = protox::compile(["grep11.proto"], ["proto"])?;
    tonic_prost_build::configure()
        .build_client(true)
        .build_server(true)
        // Ordered maps: the same template always gives the same bytes.
        .btree_map(".")
        .compile_fds(files)?;
    Ok(())
}
