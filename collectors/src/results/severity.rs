//! How bad a vulnerability is: computed from its CVSS vectors, with the scanner's own word kept beside it.

use cvss::Cvss;
use exhibit_evidence::Severity;
use serde::{Deserialize, Serialize};

/// No vector with every metric of CVSS 4.0 is longer, in bytes.
const LONGEST: usize = 512;
/// How many vectors of one vulnerability are kept.
const MOST: usize = 8;

/// A vector, with what was computed from it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scored {
    /// The version of CVSS, times ten: 20, 30, 31 or 40.
    pub version: u8,
    /// The score times ten, from 0 to 100.
    pub tenths: u8,
    /// The vector, as the crate that computes writes it.
    pub vector: String,
}

impl Scored {
    /// Computes the score of a vector of CVSS 2.0 (with or without parentheses), 3.0, 3.1 or 4.0; `None` where it is none.
    pub fn new(vector: &str) -> Option<Self> {
        let vector = vector.trim();
        if vector.len() > LONGEST {
            return None;
        }
        let vector = vector.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(vector);
        // Some databases write which version it is before a vector of the second, whose own form has no prefix.
        let vector = vector.strip_prefix("CVSS:2.0/").unwrap_or(vector);
        let cvss: Cvss = vector.parse().ok()?;
        let version = match cvss {
            Cvss::CvssV20(_) => 20,
            Cvss::CvssV30(_) => 30,
            Cvss::CvssV31(_) => 31,
            Cvss::CvssV40(_) => 40,
            _ => return None,
        };
        // The crate takes what is missing for harmless.
        if !is_whole(version, vector) {
            return None;
        }
        let tenths = (cvss.score() * 10.0).round().clamp(0.0, 100.0) as u8;
        Some(Self { version, tenths, vector: cvss.to_string() })
    }

    /// The severity by the scale of the version: version 2 knows no critical (NVD's scale for it).
    pub fn severity(&self) -> Severity {
        match (self.version, self.tenths) {
            (20, 70..) => Severity::High,
            (20, 40..) => Severity::Medium,
            (20, _) => Severity::Low,
            (_, 90..) => Severity::Critical,
            (_, 70..) => Severity::High,
            (_, 40..) => Severity::Medium,
            (_, 1..) => Severity::Low,
            _ => Severity::Info,
        }
    }
}

/// Whether the vector has every metric that its version asks for.
fn is_whole(version: u8, vector: &str) -> bool {
    let asked: &[&str] = match version {
        20 => &["AV", "AC", "Au", "C", "I", "A"],
        40 => &["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"],
        _ => &["AV", "AC", "PR", "UI", "S", "C", "I", "A"],
    };
    let has = |metric: &&str| vector.split('/').any(|part| part.split(':').next() == Some(*metric));
    asked.iter().all(has)
}

/// All that is known of how bad it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rated {
    /// The vectors that could be computed, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vectors: Vec<Scored>,
    /// The scanner's own word, as it wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
}

impl Rated {
    /// With nothing but the scanner's word.
    pub fn said(word: Option<String>) -> Self {
        Self { vectors: Vec::new(), said: word }
    }

    /// Adds a vector; what is none is left out.
    pub fn add(&mut self, vector: &str) {
        if let Some(scored) = Scored::new(vector)
            && !self.vectors.contains(&scored)
        {
            self.vectors.push(scored);
            // The newest version first, and of one version the worst.
            self.vectors.sort_by(|a, b| (b.version, b.tenths, &a.vector).cmp(&(a.version, a.tenths, &b.vector)));
            self.vectors.truncate(MOST);
        }
    }

    /// Adds all that another source knows.
    pub fn join(&mut self, other: &Self) {
        other.vectors.iter().for_each(|scored| self.add(&scored.vector));
        if self.said.is_none() {
            self.said.clone_from(&other.said);
        }
    }

    /// The vector that counts: of the newest version of CVSS, and of several of that the worst.
    pub fn counting(&self) -> Option<&Scored> {
        self.vectors.first()
    }

    /// The severity: computed where there is a vector, else what the scanner's word means; `None` where neither tells.
    pub fn severity(&self) -> Option<Severity> {
        self.counting().map(Scored::severity).or_else(|| self.said.as_deref().and_then(meaning))
    }
}

/// What a scanner's word for severity means, whichever scanner's; a number is a score of CVSS 3.
pub fn meaning(word: &str) -> Option<Severity> {
    if let Ok(score) = word.trim().parse::<f64>() {
        let tenths = (score * 10.0).round();
        let scored = |tenths| Scored { version: 31, tenths, vector: String::new() }.severity();
        return (0.0..=100.0).contains(&tenths).then(|| scored(tenths as u8));
    }
    Some(match word.trim().to_ascii_lowercase().as_str() {
        "critical" => Severity::Critical,
        "high" | "important" | "error" => Severity::High,
        "medium" | "moderate" | "warning" => Severity::Medium,
        "low" | "minor" | "note" => Severity::Low,
        "negligible" | "info" | "informational" | "information" | "style" | "none" | "unimportant" => Severity::Info,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors and scores as FIRST publishes them: the examples of CVSS 2.0's guide, of the documents of examples of 3.0 and
    /// 3.1, and of 4.0's; and a few of NVD's.
    #[test]
    fn scores_are_those_that_first_publishes() {
        for line in include_str!("cases/cvss.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let mut parts = line.split_whitespace();
            let (score, word, vector) = (parts.next(), parts.next(), parts.next());
            let scored = Scored::new(vector.expect("a vector")).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(Some(format!("{}.{}", scored.tenths / 10, scored.tenths % 10).as_str()), score, "{line}");
            assert_eq!(Some(scored.severity().word()), word, "{line}");
        }
    }

    #[test]
    fn what_is_no_vector_is_none() {
        for vector in ["", "7.5", "CVSS:3.1/AV:N", "CVSS:9.9/AV:N/AC:L", "AV:N/AC:L", "\u{1b}[2J/\u{1b}", "/"] {
            assert_eq!(Scored::new(vector), None, "{vector}");
        }
        assert_eq!(Scored::new(&"CVSS:3.1/AV:N/".repeat(1000)), None);
    }

    #[test]
    fn the_newest_version_counts_and_of_it_the_worst() {
        let mut rated = Rated::said(Some("CRITICAL".to_owned()));
        assert_eq!(rated.severity(), Some(Severity::Critical));
        rated.add("AV:N/AC:L/Au:N/C:C/I:C/A:C");
        assert_eq!(rated.severity(), Some(Severity::High), "version 2 knows no critical");
        rated.add("CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N");
        assert_eq!(rated.severity(), Some(Severity::Low));
        rated.add("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H");
        assert_eq!(rated.counting().map(|one| (one.version, one.tenths)), Some((31, 98)));
        rated.add("no vector");
        assert_eq!(rated.vectors.len(), 3);
    }
}
