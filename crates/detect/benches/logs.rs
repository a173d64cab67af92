//! How fast logs are searched: a generated log of many services, with and without leaks, once each way.
//!
//! `cargo bench -p exhibit-detect --bench logs [-- PART OF A NAME]` prints MB/s of one core, best of five, beside counting the lines of the same bytes.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use exhibit_detect::{Engine, Options, Personal, Search};

/// Seconds that this thread has had of a core, so that other work on the machine does not count; elsewhere than on Linux,
/// seconds since `start`.
fn busy(start: Instant) -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = stat.and_then(|s| s.split(' ').next().and_then(|n| n.parse::<u64>().ok()));
    nanos.map_or_else(|| start.elapsed().as_secs_f64(), |n| n as f64 / 1e9)
}

/// Bytes of the log.
const SIZE: usize = 64 * 1024 * 1024;

/// A small generator (xorshift64*), so that each run searches the same bytes.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len() as u64) as usize]
    }

    fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| char::from(b"0123456789abcdef"[self.below(16) as usize])).collect()
    }
}

fn line(dice: &mut Dice, at: u64) -> String {
    let (h, m, s, ms) = (at / 3600 % 24, at / 60 % 60, at % 60, dice.below(1000));
    let ip = format!("{}.{}.{}.{}", 10 + dice.below(200), dice.below(256), dice.below(256), 1 + dice.below(254));
    let user = dice.pick(&["alice", "bob", "deploy", "root", "www-data", "svc-billing", "admin"]);
    let path =
        dice.pick(&["/", "/login", "/api/v1/orders", "/static/app.js", "/healthz", "/oauth/token", "/reset-password"]);
    let pid = dice.below(60_000);
    match dice.below(12) {
        0 | 1 => format!(
            "{ip} - {user} [12/May/2031:{h:02}:{m:02}:{s:02} +0000] \"GET {path}?page={} HTTP/1.1\" 200 {} \"https://shop.example.test/cart\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36\"",
            dice.below(100),
            dice.below(90_000)
        ),
        2 => format!(
            "May 12 {h:02}:{m:02}:{s:02} web-{} sshd[{pid}]: Failed password for invalid user {user} from {ip} port {} ssh2",
            dice.below(9),
            dice.below(65_000)
        ),
        3 => format!(
            "May 12 {h:02}:{m:02}:{s:02} web-{} sshd[{pid}]: Accepted publickey for {user} from {ip} port {} ssh2: RSA SHA256:{}",
            dice.below(9),
            dice.below(65_000),
            dice.hex(43)
        ),
        4 | 5 => format!(
            "{{\"ts\":\"2031-05-12T{h:02}:{m:02}:{s:02}.{ms:03}Z\",\"level\":\"info\",\"logger\":\"http.access\",\"msg\":\"request\",\"trace_id\":\"{}\",\"span_id\":\"{}\",\"user_id\":{},\"path\":\"{path}\",\"status\":200,\"duration_ms\":{},\"token_type\":\"bearer\"}}",
            dice.hex(32),
            dice.hex(16),
            dice.below(1_000_000),
            dice.below(3000)
        ),
        6 => format!(
            "2031-05-12 {h:02}:{m:02}:{s:02}.{ms:03} UTC [{pid}] LOG:  duration: {}.{ms:03} ms  statement: SELECT id, name FROM orders WHERE customer_id = {} AND state = 'open'",
            dice.below(50),
            dice.below(99_999)
        ),
        7 => format!(
            "2031-05-12 {h:02}:{m:02}:{s:02},{ms:03} INFO  [http-nio-8080-exec-{}] c.e.shop.OrderService : Order {} placed, cache_key=order:{} in {} ms",
            dice.below(20),
            dice.below(10_000_000),
            dice.below(10_000_000),
            dice.below(900)
        ),
        8 => format!(
            "May 12 {h:02}:{m:02}:{s:02} node-{} kubelet[{pid}]: I0512 {h:02}:{m:02}:{s:02}.{ms:03}456 {pid} reconciler.go:224] operationExecutor.MountVolume started for volume \"kube-api-access-{}\" pod \"web-{}\"",
            dice.below(9),
            dice.hex(5),
            dice.hex(10)
        ),
        9 => format!(
            "{{\"time\":{}{ms:03},\"sev\":\"DEBUG\",\"component\":\"auth\",\"event\":\"session.refresh\",\"session\":\"{}\",\"user\":\"{user}\",\"ip\":\"{ip}\",\"ok\":true,\"expires_in\":3600}}",
            1_936_000_000 + at,
            dice.hex(8)
        ),
        10 => format!(
            "    at com.example.shop.payment.PaymentGateway.authorize(PaymentGateway.java:{}) ~[shop-{}.jar:na]",
            dice.below(900),
            dice.below(9)
        ),
        _ => format!(
            "level=warn ts=2031-05-12T{h:02}:{m:02}:{s:02}.{ms:03}Z caller=manager.go:{} component=\"rule manager\" group=node msg=\"Evaluating rule failed\" key={} err=\"context deadline exceeded\" url=https://metrics.example.test:9090/api/v1/query",
            dice.below(900),
            dice.hex(12)
        ),
    }
}

fn main() {
    // `cargo test --benches` runs this too; a few lines then suffice.
    let size = if std::env::args().any(|a| a == "--bench") { SIZE } else { 1 << 20 };
    let mut dice = Dice(0x5EED_1E55_0000_0001);
    let mut clean = Vec::with_capacity(size + 1024);
    let mut at = 0;
    while clean.len() < size {
        clean.extend_from_slice(line(&mut dice, at).as_bytes());
        clean.push(b'\n');
        at += 1;
    }
    let start = Instant::now();
    let before = busy(start);
    let rules = Engine::builtin();
    let engine = start.elapsed();
    let _ = Search::new(rules, Options::default());
    println!(
        "engine built in {engine:?}, with a search {:?} ({:.0} ms of a core)",
        start.elapsed(),
        (busy(start) - before) * 1e3
    );
    let mut leaky = Vec::new();
    let examples: Vec<&String> = rules.rules().iter().map(|rule| &rule.examples[0]).collect();
    let gap = clean.len() / 162;
    for (index, piece) in clean.chunks(gap).enumerate() {
        let end = memchr::memrchr(b'\n', piece).map_or(piece.len(), |at| at + 1);
        leaky.extend_from_slice(&piece[..end]);
        leaky.extend_from_slice(examples[index % examples.len()].as_bytes());
        leaky.push(b'\n');
        leaky.extend_from_slice(&piece[end..]);
    }

    let only: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let speed = |name: &str, bytes: &[u8], work: &dyn Fn(&[u8]) -> u64| {
        if !only.is_empty() && !only.iter().any(|part| name.contains(part.as_str())) {
            return;
        }
        let mut best = f64::MAX;
        let mut count = 0;
        for _ in 0..5 {
            let start = Instant::now();
            let before = busy(start);
            count = work(bytes);
            best = best.min(busy(start) - before);
        }
        println!("{name:<44} {:>7.0} MB/s {count:>9} hits", bytes.len() as f64 / 1e6 / best.max(1e-3));
    };
    speed("counting lines", &clean, &|bytes| memchr::memchr_iter(b'\n', bytes).count() as u64);
    speed("might_match", &clean, &|bytes| u64::from(rules.might_match(bytes)));
    let scanned = |options: Options| {
        move |bytes: &[u8]| {
            let search = Search::new(rules, options);
            let mut count = 0;
            let _ = search.scan(bytes, &mut |_| count += 1);
            count
        }
    };
    let plain = Options { generic: false, ..Options::default() };
    speed("rules, clean log", &clean, &scanned(plain));
    speed("rules, 162 leaks", &leaky, &scanned(plain));
    speed("rules and names, clean log", &clean, &scanned(Options::default()));
    speed("rules and names, 162 leaks", &leaky, &scanned(Options::default()));
    let personal = Options { personal: Personal::Yes, ..Options::default() };
    speed("and personal data, clean log", &clean, &scanned(personal));
    speed("and personal data, 162 leaks", &leaky, &scanned(personal));
    let encoded = Options { encoded: true, ..Options::default() };
    speed("rules, names, encoded forms, clean log", &clean, &scanned(encoded));
    speed("rules, names, encoded forms, 162 leaks", &leaky, &scanned(encoded));
    let addresses = Options { personal: Personal::WithAddresses, ..Options::default() };
    speed("and IP addresses, clean log", &clean, &scanned(addresses));
}
