//! What is left in the temporary folder of a process that was killed (SIGKILL), and of connections that broke: by the program
//! from outside, with a real registry.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::json as value;

use super::{
    Place, exhibit, json,
    scanning::{Shop, counted, outcome, text},
};
use crate::registries::{Guard, Registry, Road, Trouble, large};

/// So much of an image comes before something happens.
const PART: u64 = 1 << 20;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Waits until something is so.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(120), "{what}");
        sleep(Duration::from_millis(20));
    }
}

/// A run that goes on beside the test; killed when dropped.
struct Run(Child);

impl Run {
    fn start(folder: &Path, tmp: &Path, job: &str) -> Self {
        let mut run = exhibit(folder, &["run", job, "--quiet"]);
        let run = run.env("TMPDIR", tmp).stdout(Stdio::null()).stderr(Stdio::null());
        Self(run.spawn().expect("the program starts"))
    }

    fn kill(mut self) {
        assert!(self.0.try_wait().expect("known").is_none(), "it ended before it was killed");
        self.0.kill().expect("it can be killed");
        self.0.wait().expect("it ends");
    }

    fn ends(mut self) -> Option<i32> {
        until("it ends", || self.0.try_wait().expect("known").is_some());
        self.0.wait().expect("it ended").code()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A shop whose jobs pull `shop/web:1.4` along these roads, and its temporary folder.
fn pulling(roads: &[(&str, &Road)]) -> (Shop, PathBuf) {
    let mut shop = Shop::new();
    let tmp = shop.place.join("tmp");
    fs::create_dir(&tmp).expect("made");
    let trivy = shop.scan("**", "trivy", value!({"database": "trivy"}));
    for (job, road) in roads {
        let host = &road.host;
        let target = format!("id = \"web\"\npull = \"{host}/shop/web:1.4\"\n{trivy}");
        let registry = format!("\n[[jobs.source.registries]]\nhost = \"{host}\"\nplain_http = true\n");
        shop = shop.with_job(job, "container_scan", &[format!("{target}{registry}")]);
    }
    // The database is made before anything is killed.
    json(0, shop.path(), &["evidence", "list", "--format", "json"]);
    (shop, tmp)
}

#[test]
fn what_a_killed_pull_left_is_gone_after_the_next_and_a_living_ones_stays() {
    let registry = Registry::start(&Guard::Nobody);
    registry.push("shop/web", "1.4", &large(4 << 20));
    let blocked = || Road::to(&registry.host, Trouble::BlockedAfter(PART));
    let (killed, living, open) = (blocked(), blocked(), blocked());
    open.clear();
    let (shop, tmp) = pulling(&[("killed", &killed), ("living", &living), ("open", &open)]);
    let half_way = |road: &Road, run: Run| {
        until("a part of the image comes", || road.came() > PART / 2);
        run
    };

    let run = half_way(&killed, Run::start(shop.path(), &tmp, "killed"));
    run.kill();
    let [left] = &names(&tmp)[..] else { panic!("{:?}", names(&tmp)) };
    let left = tmp.join(left);
    assert!(left.join("image/blobs/sha256").is_dir(), "{}", left.display());
    assert_eq!(fs::metadata(&left).expect("there").mode() & 0o777, 0o700);

    // Whoever has another folder of this name here keeps it, and so does who is not done yet.
    fs::create_dir(tmp.join("exhibit-image-own")).expect("made");
    fs::write(tmp.join("exhibit-image-own/notes"), "mine").expect("written");
    let run = half_way(&living, Run::start(shop.path(), &tmp, "living"));
    assert!(!left.exists(), "the next pull takes it away before it makes its own");
    let own = || names(&tmp).into_iter().filter(|name| name != "exhibit-image-own").collect::<Vec<_>>();
    let before = own();
    assert_eq!(before.len(), 1);
    assert_eq!(Run::start(shop.path(), &tmp, "open").ends(), Some(0));
    assert_eq!(own(), before);
    living.clear();
    assert_eq!(run.ends(), Some(0));
    assert_eq!(names(&tmp), ["exhibit-image-own"]);
    for job in ["open", "living"] {
        let (shown, _) = shop.shown(job);
        assert_eq!(counted(&shown, "web"), (1, 1, 0), "{job}");
    }
}

#[test]
fn a_blob_whose_connection_is_cut_goes_on_from_there_at_a_real_registry() {
    let registry = Registry::start(&Guard::Nobody);
    let digest = registry.push("shop/web", "1.4", &large(4 << 20));
    let road = Road::to(&registry.host, Trouble::CutAfter(PART));
    let (shop, tmp) = pulling(&[("images", &road)]);
    assert_eq!(Run::start(shop.path(), &tmp, "images").ends(), Some(0));
    let (shown, _) = shop.shown("images");
    assert_eq!(counted(&shown, "web"), (1, 1, 0));
    assert_eq!(text(&shown, "/record/body/observation/facts/targets/0/pulled/digest"), digest);
    assert_eq!(outcome(&shown, "container-scan.complete-population", "web").0, "pass");
    let [range] = &road.lines("range: ")[..] else { panic!("{:?}", road.lines("range: ")) };
    let from: u64 = range.trim_start_matches("range: bytes=").trim_end_matches('-').parse().expect("a number");
    assert!(from > 0 && from <= PART, "{range}");
    // What had come did not come again.
    assert!(road.came() < (4 << 20) + (1 << 20), "{}", road.came());
}

/// A deployment with a scanner that takes its time and one that does not.
fn scanning() -> (Place, PathBuf) {
    let place = Place::new();
    let tmp = place.join("tmp");
    fs::create_dir(&tmp).expect("made");
    let mut configuration =
        "[deployment]\nname = \"Interrupted\"\ntime_zone = \"UTC\"\ndata_dir = \"data\"\n\n[environments.production]\n"
            .to_owned();
    fs::write(place.join("requirements.txt"), "django==3.2.0\n").expect("written");
    for (name, script) in [("slow", "touch begun; sleep 90"), ("quick", "echo '{\"dependencies\":[],\"fixes\":[]}'")] {
        let program = place.join(&format!("{name}.sh"));
        let script = format!("#!/bin/sh\n[ \"$1\" = --version ] && echo 1.0 && exit\n{script}\n");
        fs::write(&program, script).expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program");
        let adapter = format!(
            "id = \"{name}\"\ntitle = \"{name}\"\nprogram = \"./{name}.sh\"\n\n[version]\narguments = [\"--version\"]\n\n\
             [database]\nservice = true\n\n[modes.requirements]\nlooks_at = \"file\"\narguments = [\"{{target}}\"]\n\
             format = \"pip-audit\"\nstatus = {{ clean = [0], findings = [1] }}\n"
        );
        fs::write(place.join(&format!("{name}.toml")), adapter).expect("written");
        configuration += &format!(
            "\n[[jobs]]\nid = \"{name}\"\ncollector = \"dependency_scan\"\nenvironments = [\"production\"]\n\
             schedule = \"23 4 * * *\"\n\n[[jobs.source.targets]]\nid = \"shop\"\nlockfile = \"requirements.txt\"\n\n\
             [[jobs.source.targets.scans]]\nscanner = {{ adapter = \"{name}.toml\" }}\n"
        );
    }
    fs::write(place.join("exhibit.toml"), configuration).expect("written");
    json(0, place.path(), &["evidence", "list", "--format", "json"]);
    (place, tmp)
}

#[test]
fn what_a_killed_scan_left_is_gone_after_the_next_and_a_living_ones_stays() {
    let (place, tmp) = scanning();
    let begun = || {
        names(&tmp)
            .into_iter()
            .find(|name| name.starts_with("exhibit-scanner-") && tmp.join(name).join("work/begun").exists())
    };
    let run = Run::start(place.path(), &tmp, "slow");
    until("the scanner begins", || begun().is_some());
    let left = begun().expect("it began");
    // Another that ends meanwhile leaves it alone.
    let quick = || Run::start(place.path(), &tmp, "quick").ends();
    assert!(quick().is_some());
    assert_eq!(names(&tmp), std::slice::from_ref(&left));
    assert!(tmp.join(&left).join("work/begun").exists());
    run.kill();
    assert_eq!(names(&tmp), [left]);
    assert!(quick().is_some());
    assert_eq!(names(&tmp), [""; 0]);
}
