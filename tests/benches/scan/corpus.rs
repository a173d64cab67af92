//! A log as real systems write them: lines in the formats of seventeen programs (web servers, services, sshd, Postgres, Kubernetes,
//! Java, Hadoop, OpenStack, Android, CloudTrail, auditd, compilers, Prometheus), with identifiers, digests and addresses in
//! plenty, which look like secrets and are none; and, at known lines, made-up secrets of many providers.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

use exhibit_detect::{Confidence, Engine, Options, Search};

/// Writes the log; answers the lines that leak, from 1.
pub(crate) fn write(file: &Path, bytes: usize, leaks: usize) -> BTreeSet<u64> {
    let planted = planted(leaks);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file).expect("a file"));
    let mut chance = Chance::new(0x9e37_79b9_7f4a_7c15);
    let (mut written, mut number, mut lines) = (0, 0, BTreeSet::new());
    let mut line = String::new();
    while written < bytes {
        number += 1;
        line.clear();
        // Evenly through the whole.
        if lines.len() < planted.len() && written >= bytes / (planted.len() + 1) * (lines.len() + 1) {
            lines.insert(number);
            line.push_str("2026-11-22T04:05:06.789Z WARN  worker[31]: unexpected reply: ");
            line.push_str(&planted[lines.len() - 1]);
        } else {
            ordinary(&mut chance, &mut line);
        }
        line.push('\n');
        out.write_all(line.as_bytes()).expect("written");
        written += line.len();
    }
    out.flush().expect("written");
    assert_eq!(lines.len(), planted.len(), "all were planted");
    lines
}

/// Made-up secrets: the rules' own examples of one line, each of another rule, that are found in such a line.
pub(crate) fn planted(count: usize) -> Vec<String> {
    let search = Search::new(Engine::builtin(), Options { least: Confidence::Medium, ..Options::default() });
    let found = |text: &str| {
        let mut any = false;
        let line = format!("unexpected reply: {text}\n");
        search.scan(line.as_bytes(), &mut |_| any = true).expect("not cancelled");
        any
    };
    let rules = Engine::builtin().rules();
    let all: Vec<String> = rules
        .iter()
        .filter_map(|rule| rule.examples.iter().find(|example| !example.contains('\n') && found(example)).cloned())
        .collect();
    assert!(all.len() >= count, "only {} rules have examples of one line", all.len());
    (0..count).map(|at| all[at * all.len() / count].clone()).collect()
}

/// Repeats: xorshift64*, by Vigna.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(crate) fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[usize::try_from(self.below(texts.len() as u64)).expect("small")]
    }

    fn hex(&mut self, digits: usize) -> String {
        (0..digits.div_ceil(16)).map(|_| format!("{:016x}", self.next())).collect::<String>()[..digits].to_owned()
    }

    fn uuid(&mut self) -> String {
        let hex = self.hex(32);
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }

    fn address(&mut self) -> String {
        format!("10.{}.{}.{}", self.below(256), self.below(256), self.below(256))
    }

    fn time(&mut self) -> String {
        format!("{:02}:{:02}:{:02}.{:03}", self.below(24), self.below(60), self.below(60), self.below(1000))
    }
}

const PATHS: [&str; 8] = [
    "/api/v1/orders",
    "/health",
    "/static/app.4f2a9c.js",
    "/login",
    "/api/v1/users/42/cart",
    "/metrics",
    "/search?q=red+shoes",
    "/img/logo.svg",
];
const MODULES: [&str; 6] = ["orders", "payments", "http.server", "db.pool", "scheduler", "cache"];
const EVENTS: [&str; 8] = [
    "connection established",
    "retrying after timeout",
    "cache miss",
    "password check passed for user 1432",
    "token refreshed, next in 3600s",
    "query finished",
    "secret store reachable",
    "worker idle",
];

/// One line of one of the usual formats.
fn ordinary(chance: &mut Chance, line: &mut String) {
    let text = match chance.below(18) {
        0 | 1 => format!(
            "{} - - [22/Nov/2026:{}] \"{} {} HTTP/1.1\" {} {} \"-\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\"",
            chance.address(),
            &chance.time()[..8],
            chance.of(&["GET", "POST", "PUT"]),
            chance.of(&PATHS),
            chance.of(&["200", "304", "404", "500"]),
            chance.below(100_000),
        ),
        2 | 3 => format!(
            "{{\"ts\":\"2026-11-22T{}Z\",\"level\":\"{}\",\"logger\":\"{}\",\"msg\":\"{}\",\"request_id\":\"{}\",\"duration_ms\":{}}}",
            chance.time(),
            chance.of(&["info", "debug", "warn"]),
            chance.of(&MODULES),
            chance.of(&EVENTS),
            chance.uuid(),
            chance.below(5000),
        ),
        4 => format!(
            "Nov 22 {} host-{} sshd[{}]: Accepted publickey for deploy from {} port {} ssh2: ED25519 SHA256:{}",
            &chance.time()[..8],
            chance.below(40),
            chance.below(30_000),
            chance.address(),
            chance.below(60_000),
            chance.hex(43),
        ),
        5 => format!(
            "2026-11-22 {} UTC [{}] LOG:  duration: {}.{:03} ms  statement: SELECT id, name FROM orders WHERE customer = $1 AND state = '{}'",
            chance.time(),
            chance.below(30_000),
            chance.below(900),
            chance.below(1000),
            chance.of(&["open", "paid", "sent"]),
        ),
        6 => format!(
            "I1122 {} {} controller.go:{}] \"Reconciled\" object=\"shop/{}\" uid=\"{}\" digest=\"sha256:{}\"",
            chance.time(),
            chance.below(9),
            chance.below(900),
            chance.of(&MODULES),
            chance.uuid(),
            chance.hex(64),
        ),
        7 => format!(
            "[2026-11-22T{}] {} {}: {} commit={} trace={} span={}",
            chance.time(),
            chance.of(&["INFO", "DEBUG", "ERROR"]),
            chance.of(&MODULES),
            chance.of(&EVENTS),
            chance.hex(40),
            chance.hex(32),
            chance.hex(16),
        ),
        8 => format!(
            "    at com.example.shop.{}.Handler.lambda$handle${}(Handler.java:{})",
            chance.of(&["orders", "payments", "cart"]),
            chance.below(9),
            chance.below(400),
        ),
        9 => format!(
            "2026-11-22 {} INFO [IPC Server handler {} on 62270] org.apache.hadoop.mapred.TaskAttemptListenerImpl: Progress of TaskAttempt attempt_1445144423722_{:04}_m_{:06}_0 is : 0.{}",
            chance.time().replace('.', ","),
            chance.below(30),
            chance.below(40),
            chance.below(10),
            chance.below(100_000_000),
        ),
        10 => format!(
            "081109 {} {} INFO dfs.DataNode$PacketResponder: Received block blk_{}{} of size 67108864 from /{}",
            &chance.time()[..8].replace(':', ""),
            chance.below(3000),
            chance.of(&["", "-"]),
            chance.next() >> 1,
            chance.address(),
        ),
        11 => format!(
            "nova-api.log.1 2026-11-22 {} {} INFO nova.osapi_compute.wsgi.server [req-{} {} {} - - -] {} \"GET /v2/{}/servers/detail HTTP/1.1\" status: 200 len: {} time: 0.{}",
            chance.time(),
            chance.below(30_000),
            chance.uuid(),
            chance.hex(32),
            chance.hex(32),
            chance.address(),
            chance.hex(32),
            chance.below(3000),
            chance.below(10_000_000),
        ),
        12 => format!(
            "11-22 {}  {}  {} {} {}: {} ws=null userId={} tag=*launch*:{}",
            chance.time(),
            chance.below(9000),
            chance.below(9000),
            chance.of(&["D", "I", "V", "W"]),
            chance.of(&["WindowManager", "PowerManagerService", "PhoneStatusBar", "ActivityManager"]),
            chance.of(&EVENTS),
            chance.below(99),
            chance.hex(8),
        ),
        13 => format!(
            "{{\"eventVersion\":\"1.08\",\"userIdentity\":{{\"type\":\"AssumedRole\",\"arn\":\"arn:aws:sts::{}:assumed-role/deploy/{}\"}},\"eventTime\":\"2026-11-22T{}Z\",\"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"GetObject\",\"sourceIPAddress\":\"{}\",\"requestParameters\":{{\"bucketName\":\"shop-{}\",\"key\":\"invoices/{}.pdf\"}},\"eventID\":\"{}\"}}",
            100_000_000_000 + chance.below(900_000_000_000),
            chance.of(&MODULES),
            &chance.time()[..8],
            chance.address(),
            chance.of(&["orders", "logs"]),
            chance.uuid(),
            chance.uuid(),
        ),
        14 => format!(
            "{{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"Metadata\",\"auditID\":\"{}\",\"verb\":\"{}\",\"user\":{{\"username\":\"system:serviceaccount:shop:{}\"}},\"objectRef\":{{\"resource\":\"{}\",\"namespace\":\"shop\",\"name\":\"{}-{}\"}},\"responseStatus\":{{\"code\":{}}}}}",
            chance.uuid(),
            chance.of(&["get", "list", "watch", "update"]),
            chance.of(&MODULES),
            chance.of(&["secrets", "pods", "configmaps"]),
            chance.of(&MODULES),
            chance.hex(10),
            chance.of(&["200", "201", "404"]),
        ),
        15 => format!(
            "gcc -pthread -Wall -O2 -std=c11 -fvisibility=hidden -I./Include/internal -I. -DNDEBUG -c Modules/_{}module.c -o Modules/_{}module.o",
            chance.of(&EVENTS).split(' ').next().unwrap_or("io"),
            chance.below(99),
        ),
        16 => format!(
            "type=SYSCALL msg=audit(17638{}.{}:{}): arch=c000003e syscall={} success=yes exit=0 a0={} a1={} items=2 ppid={} pid={} auid=1000 uid=0 comm=\"sudo\" exe=\"/usr/bin/sudo\" key=\"exec\"",
            chance.below(99_999),
            chance.below(999),
            chance.below(99_999),
            chance.below(400),
            chance.hex(12),
            chance.hex(12),
            chance.below(30_000),
            chance.below(30_000),
        ),
        _ => format!(
            "level=info ts=2026-11-22T{}Z caller=compact.go:{} component=tsdb msg=\"write block\" mint={} maxt={} ulid=01{} duration={}ms",
            chance.time(),
            chance.below(900),
            1_763_000_000_000 + chance.below(800_000_000),
            1_763_000_000_000 + chance.below(800_000_000),
            chance.hex(24).to_ascii_uppercase(),
            chance.below(9000),
        ),
    };
    line.push_str(&text);
}
