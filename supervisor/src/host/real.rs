//! The real world.

mod fs;
mod net;
mod opener;
mod power;
mod units;
mod wall;

use std::sync::Arc;
use std::time::SystemTime;

use super::{Host, Units};
use crate::error::{Code, Halt};

pub use fs::RealFs;
pub use net::RealNet;
pub use opener::RealOpener;
pub use power::RealPower;
pub use units::{NoUnits, RealUnits};
pub use wall::RealWall;

/// The world with these units.
pub fn host(units: Arc<dyn Units>) -> Result<Host, Halt> {
    let mut seed = [0; 8];
    aws_lc_rs::rand::fill(&mut seed)
        .map_err(|_| Halt::new(Code::Internal, "the kernel gives no random bytes"))?;
    Ok(Host {
        fs: Arc::new(RealFs),
        net: Arc::new(RealNet),
        wall: Arc::new(RealWall::default()),
        units,
        opener: Arc::new(RealOpener),
        clock: Arc::new(SystemTime::now),
        power: Arc::new(RealPower),
        seed: u64::from_ne_bytes(seed),
    })
}
