//! Replays a trace on moka alone, without the window and the adaption that the core puts around it:
//! what `npm run bench:hit-ratio` calls `moka`.
//!
//! ```sh
//! plain_tinylfu CAPACITY < TRACE              # one key a line
//! plain_tinylfu CAPACITY --weighted < TRACE   # key and bytes, CAPACITY in bytes
//! ```
//!
//! Prints `{"settled":{"accesses":…,"hits":…},"live":{…}}`.

use std::collections::HashSet;
use std::error::Error;
use std::io::{self, BufRead};
use std::sync::Arc;
use std::{env, process};

use moka::sync::Cache;

const USAGE: &str = "usage: plain_tinylfu CAPACITY [--weighted] < TRACE";

struct Access {
    key: Arc<[u8]>,
    weight: u32,
}

fn parse(line: &[u8], weighted: bool) -> Option<(&[u8], u32)> {
    if !weighted {
        return Some((line, 1));
    }
    let space = line.iter().rposition(|&byte| byte == b' ')?;
    let weight = str::from_utf8(&line[space + 1..]).ok()?.parse().ok()?;
    Some((&line[..space], weight))
}

fn read_trace(input: impl BufRead, weighted: bool) -> Result<Vec<Access>, Box<dyn Error>> {
    let mut keys: HashSet<Arc<[u8]>> = HashSet::new();
    let mut trace = Vec::new();
    for (index, line) in input.split(b'\n').enumerate() {
        let line = line?;
        let (key, weight) = parse(&line, weighted)
            .ok_or_else(|| format!("line {}: expected a key and its bytes", index + 1))?;
        let key = if let Some(known) = keys.get(key) {
            Arc::clone(known)
        } else {
            let new: Arc<[u8]> = Arc::from(key);
            keys.insert(Arc::clone(&new));
            new
        };
        trace.push(Access { key, weight });
    }
    Ok(trace)
}

fn cache(capacity: u64, weighted: bool) -> Cache<Arc<[u8]>, u32> {
    let builder = Cache::builder().max_capacity(capacity);
    if weighted {
        builder.weigher(|_, &weight| weight).build()
    } else {
        builder.build()
    }
}

/// Counts the hits; where `settled`, moka has done all its pending work before each access.
fn hits(trace: &[Access], cache: &Cache<Arc<[u8]>, u32>, settled: bool) -> u64 {
    let mut hits = 0;
    for Access { key, weight } in trace {
        if cache.get(key).is_some() {
            hits += 1;
        } else {
            cache.insert(Arc::clone(key), *weight);
        }
        if settled {
            cache.run_pending_tasks();
        }
    }
    hits
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let (capacity, weighted) = match args.as_slice() {
        [capacity] => (capacity.parse(), false),
        [capacity, flag] if flag == "--weighted" => (capacity.parse(), true),
        _ => {
            eprintln!("{USAGE}");
            process::exit(2);
        }
    };
    let Ok(capacity) = capacity else {
        eprintln!("CAPACITY must be a whole number\n{USAGE}");
        process::exit(2);
    };
    let trace = read_trace(io::stdin().lock(), weighted)?;
    let [settled, live] = [true, false].map(|settled| {
        let hits = hits(&trace, &cache(capacity, weighted), settled);
        format!(r#"{{"accesses":{},"hits":{hits}}}"#, trace.len())
    });
    println!(r#"{{"settled":{settled},"live":{live}}}"#);
    Ok(())
}
