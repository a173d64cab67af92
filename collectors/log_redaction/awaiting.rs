//! Waits until the markers of canaries stand in their log, or until the time that they have is over: how long a log takes to
//! show what was logged differs from day to day, and a fixed wait is too short on some of them.

use std::collections::HashSet;
use std::time::Duration;

use super::canary::Drawn;
use super::settings::Canary;
use crate::remote::Pace;
use crate::sources::logs::{LogSource, Sink};

/// The pause before the second look, doubled before each further one.
const FIRST: Duration = Duration::from_millis(200);
/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(10);

/// What a log held before anything was sent: pieces by identity and size. Where the listing states no size nothing is known.
pub(super) fn before(source: &dyn LogSource) -> HashSet<(String, u64)> {
    let Ok(listing) = source.list() else { return HashSet::new() };
    listing.pieces.iter().filter_map(|piece| Some((piece.identity(), piece.listed()?.0))).collect()
}

/// Returns when every marker that was sent has been seen, or its time is over. `begun` is when the last was sent. What
/// can't be read now is no matter here: the examination that follows tells it.
pub(super) fn wait(
    source: &dyn LogSource,
    before: &HashSet<(String, u64)>,
    sent: &[(&Canary, &Drawn)],
    pace: &dyn Pace,
    begun: Duration,
) {
    let mut watching = Watching { wanted: Vec::new(), tail: Vec::new() };
    let timed = sent.iter().filter(|(canary, drawn)| canary.wait > 0 && drawn.unsent.is_none());
    watching.wanted.extend(timed.map(|(canary, drawn)| (drawn.marker.as_str(), Duration::from_secs(canary.wait))));
    let mut pause = FIRST;
    while let Some(most) = watching.wanted.iter().map(|(_, most)| *most).max() {
        look(source, before, &mut watching);
        let left = most.saturating_sub(pace.elapsed().saturating_sub(begun));
        if watching.wanted.is_empty() || left.is_zero() {
            return;
        }
        pace.sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST);
    }
}

fn look(source: &dyn LogSource, before: &HashSet<(String, u64)>, watching: &mut Watching<'_>) {
    let Ok(listing) = source.list() else { return };
    for mut piece in listing.pieces {
        let size = piece.listed().map(|(size, _)| size);
        let is_as_before = size.is_some_and(|size| before.contains(&(piece.identity(), size)));
        if !is_as_before && !watching.wanted.is_empty() {
            let _ = piece.read(watching);
        }
    }
}

/// Looks for markers and for nothing else.
struct Watching<'d> {
    /// Those not seen yet, and how long they have.
    wanted: Vec<(&'d str, Duration)>,
    /// The last bytes, for a marker that two pieces share.
    tail: Vec<u8>,
}

impl Watching<'_> {
    fn find(&mut self, bytes: &[u8]) {
        self.wanted.retain(|(marker, _)| memchr::memmem::find(bytes, marker.as_bytes()).is_none());
    }
}

impl Sink for Watching<'_> {
    fn begin(&mut self, _name: &str, _place: &str) {
        self.tail.clear();
    }

    fn entry(&mut self, _place: &str) {}

    fn feed(&mut self, bytes: &[u8]) {
        let Some(kept) = self.wanted.iter().map(|(marker, _)| marker.len()).max() else { return };
        let mut seam = std::mem::take(&mut self.tail);
        seam.extend_from_slice(&bytes[..bytes.len().min(kept)]);
        self.find(&seam);
        self.find(bytes);
        if bytes.len() >= kept {
            seam.clear();
            seam.extend_from_slice(&bytes[bytes.len() - kept..]);
        } else {
            seam.drain(..seam.len().saturating_sub(kept));
        }
        self.tail = seam;
    }

    fn end(&mut self) {}
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::Mutex;

    use super::super::canary;
    use super::*;
    use crate::sources::logs::files::Files;

    /// Time passes by sleeping alone, and something happens at the third look.
    struct Then<F: Fn()>(Mutex<(Duration, u32)>, F);

    impl<F: Fn() + Send + Sync> Pace for Then<F> {
        fn elapsed(&self) -> Duration {
            self.0.lock().expect("no panic within").0
        }

        fn sleep(&self, wait: Duration) {
            let mut state = self.0.lock().expect("no panic within");
            state.0 += wait;
            state.1 += 1;
            if state.1 == 2 {
                self.1();
            }
        }
    }

    fn waited(folder: &Path, wait_for: u64, logs: impl Fn(&Drawn) + Send + Sync) -> Duration {
        let canary: Canary =
            toml::from_str(&format!("id = 'web'\ncommand = ['true']\nwait = {wait_for}")).expect("settings");
        let drawn = canary::draw(&canary, "api", &[7; 32]);
        let source = Files { base: folder.to_owned(), patterns: vec![".".to_owned()], rotated: true };
        let known = before(&source);
        let pace = Then(Mutex::default(), || logs(&drawn));
        wait(&source, &known, &[(&canary, &drawn)], &pace, Duration::ZERO);
        pace.elapsed()
    }

    #[test]
    fn it_ends_when_the_marker_is_there_or_the_time_is_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("app.log");
        fs::write(&log, "request done\n").expect("written");
        let two_looks = FIRST + FIRST * 2;
        let grown = waited(folder.path(), 60, |drawn| {
            fs::write(&log, format!("request done\n{}\n", drawn.marker)).expect("written");
        });
        assert_eq!(grown, two_looks);
        assert_eq!(waited(folder.path(), 60, |_| {}), Duration::from_secs(60), "what was there before is not it");
        assert_eq!(waited(folder.path(), 0, |_| {}), Duration::ZERO);
        let rotated = waited(folder.path(), 60, |drawn| {
            fs::write(folder.path().join("new.log"), drawn.marker.as_bytes()).expect("written");
        });
        assert_eq!(rotated, two_looks);
    }

    #[test]
    fn a_marker_is_seen_wherever_pieces_are_cut() {
        for cut in 1..24 {
            let mut watching = Watching { wanted: vec![("exhibit-marker-0123", Duration::ZERO)], tail: Vec::new() };
            watching.begin("a", "a");
            b"xxxxexhibit-marker-0123yyyy".chunks(cut).for_each(|chunk| watching.feed(chunk));
            assert!(watching.wanted.is_empty(), "{cut}");
        }
    }
}
