//! How much is found, and how often wolf is cried, on a labelled corpus: `corpus/*.txt`.
//!
//! The shapes are those in which secrets leak in public; each section says where its shape comes from. Values are made
//! from seeds. `cargo test -p exhibit-detect --test corpus` prints the figures.

mod made;
mod seeds;

use std::io::Write as _;
use std::ops::Range;

use exhibit_detect::{Engine, Options, Search};
use made::Chance;

/// Files whose secrets have a provider's shape or stand behind a provider's name.
const TOKENS: &[(&str, &str)] = &[
    ("tokens-config.txt", include_str!("../../corpus/tokens-config.txt")),
    ("tokens-code.txt", include_str!("../../corpus/tokens-code.txt")),
];
/// Files whose secrets only have a name, or a place where secrets stand.
const GENERIC: &[(&str, &str)] = &[
    ("generic.txt", include_str!("../../corpus/generic.txt")),
    ("programs.txt", include_str!("../../corpus/programs.txt")),
    ("by-people.txt", include_str!("../../corpus/by-people.txt")),
    ("shapes.txt", include_str!("../../corpus/shapes.txt")),
];
/// Files without any secret, full of what looks alike.
const CLEAN: &[(&str, &str)] = &[
    ("clean-code.txt", include_str!("../../corpus/clean-code.txt")),
    ("clean-data.txt", include_str!("../../corpus/clean-data.txt")),
    ("clean-everyday.txt", include_str!("../../corpus/clean-everyday.txt")),
    ("clean-shapes.txt", include_str!("../../corpus/clean-shapes.txt")),
];

/// One pretended file.
struct Sample {
    name: String,
    text: String,
    secrets: Vec<Range<usize>>,
    /// Lines that hold no secret.
    clean_lines: usize,
}

/// Reads a corpus file: `=== name | source` begins a sample, `⟦…⟧` marks a secret, `«…»` is made.
fn samples(file: &str, text: &str) -> Vec<Sample> {
    let parts = text.strip_prefix("=== ").expect("a corpus file begins with a sample").split("\n=== ");
    parts.map(|part| sample(file, part)).collect()
}

fn sample(file: &str, part: &str) -> Sample {
    let (head, body) = part.split_once('\n').expect("a sample has lines");
    let (name, source) = head.split_once(" | ").expect("a sample says where its shape comes from");
    assert!(source.len() > 3, "{file}, {name}: where does the shape come from?");
    let clean_lines = body.lines().filter(|line| !line.trim().is_empty() && !line.contains('⟦')).count();
    let mut chance = Chance::new(&format!("{file} {name}"));
    let (mut text, mut secrets, mut begun) = (String::new(), Vec::new(), None);
    let mut rest = body;
    while let Some(at) = rest.find(['⟦', '⟧', '«']) {
        text.push_str(&rest[..at]);
        let mark = rest[at..].chars().next().expect("found above");
        rest = &rest[at + mark.len_utf8()..];
        match mark {
            '⟦' => begun = Some(text.len()),
            '⟧' => secrets.push(begun.take().expect("a mark that ends has begun")..text.len()),
            _ => {
                let (template, behind) = rest.split_once('»').expect("a template ends");
                text.push_str(&chance.value(template));
                rest = behind;
            }
        }
    }
    assert!(begun.is_none(), "{file}, {name}: a mark does not end");
    text.push_str(rest);
    Sample { name: format!("{file}, {name}"), text, secrets, clean_lines }
}

/// What a search made of samples.
#[derive(Default)]
struct Score {
    secrets: usize,
    found: usize,
    right: usize,
    wrong: usize,
    clean_lines: usize,
    remarks: Vec<String>,
}

impl Score {
    /// In hundredths of a percent.
    fn recall(&self) -> usize {
        self.found * 10_000 / self.secrets.max(1)
    }

    fn precision(&self) -> usize {
        self.right * 10_000 / (self.right + self.wrong).max(1)
    }

    fn add(&mut self, search: &Search<'_>, sample: &Sample) {
        let mut hits: Vec<(String, Range<usize>)> = Vec::new();
        search
            .scan(sample.text.as_bytes(), &mut |hit| {
                hits.push((hit.rule.id.clone(), hit.secret.start as usize..hit.secret.end as usize));
            })
            .expect("nobody cancels");
        let meet = |a: &Range<usize>, b: &Range<usize>| a.start < b.end && b.start < a.end;
        let line = |at: usize| {
            let from = sample.text[..at].rfind('\n').map_or(0, |n| n + 1);
            sample.text[from..].lines().next().unwrap_or_default().chars().take(110).collect::<String>()
        };
        self.secrets += sample.secrets.len();
        self.clean_lines += sample.clean_lines;
        for secret in &sample.secrets {
            if hits.iter().any(|(_, hit)| meet(hit, secret)) {
                self.found += 1;
            } else {
                self.remarks.push(format!("missed   {}: {}", sample.name, line(secret.start)));
            }
        }
        for (rule, hit) in &hits {
            if sample.secrets.iter().any(|secret| meet(hit, secret)) {
                self.right += 1;
            } else {
                self.wrong += 1;
                self.remarks.push(format!("wrong    {} ({rule}): {}", sample.name, line(hit.start)));
            }
        }
    }
}

fn score(files: &[&[(&str, &str)]], options: Options) -> Score {
    let search = Search::new(Engine::builtin(), options);
    let mut score = Score::default();
    for (file, text) in files.iter().copied().flatten() {
        for sample in samples(file, text) {
            score.add(&search, &sample);
        }
    }
    score
}

/// Tells the figures and what was missed or wrong, whether or not the test fails.
fn tell(what: &str, score: &Score) {
    let figure = |hundredths: usize| format!("{}.{:02} %", hundredths / 100, hundredths % 100);
    let mut text = format!(
        "{what}: {} of {} secrets found, {} of {} hits right among {} lines without a secret; recall {}, precision {}\n",
        score.found,
        score.secrets,
        score.right,
        score.right + score.wrong,
        score.clean_lines,
        figure(score.recall()),
        figure(score.precision()),
    );
    for remark in &score.remarks {
        text += &format!("  {remark}\n");
    }
    std::io::stdout().write_all(text.as_bytes()).expect("standard output is open");
}

#[test]
fn the_corpus_is_as_large_as_it_should_be() {
    let all = score(&[TOKENS, GENERIC, CLEAN], Options { generic: false, ..Options::default() });
    assert!(all.secrets >= 300, "{}", all.secrets);
    let clean = score(&[CLEAN], Options { generic: false, ..Options::default() });
    assert!(clean.clean_lines >= 600 && clean.secrets == 0, "{}", clean.clean_lines);
}

#[test]
fn token_rules_find_at_least_95_percent_at_a_precision_of_at_least_95_percent() {
    let score = score(&[TOKENS, CLEAN], Options { generic: false, ..Options::default() });
    tell("token rules", &score);
    assert!(score.recall() >= 9_500 && score.precision() >= 9_500);
}

#[test]
fn everything_together_finds_at_least_95_percent_at_a_precision_of_at_least_95_percent() {
    let score = score(&[TOKENS, GENERIC, CLEAN], Options { generic: true, ..Options::default() });
    tell("everything", &score);
    assert!(score.recall() >= 9_500 && score.precision() >= 9_500);
}
