//! Standard error: what is going on, for people.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anstream::ColorChoice;
use clap::builder::styling::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::printable;
use crate::args::Voice;

const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// Says words on standard error, as much as was asked for. Cheap to clone; clones share the screen.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    quiet: bool,
    verbose: u8,
    bars: MultiProgress,
}

/// Something that takes a while: a moving line on a terminal, nothing elsewhere. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Step {
    bar: ProgressBar,
    words: Words,
}

impl Words {
    /// As the command line asks; also settles colour for the whole process.
    pub(crate) fn new(voice: &Voice) -> Self {
        match voice.color {
            // Honours NO_COLOR, CLICOLOR, TERM and whether it is a terminal.
            clap::ColorChoice::Auto => ColorChoice::Auto,
            clap::ColorChoice::Always => ColorChoice::AlwaysAnsi,
            clap::ColorChoice::Never => ColorChoice::Never,
        }
        .write_global();
        let moving = !voice.quiet && std::io::stderr().is_terminal();
        Self {
            quiet: voice.quiet,
            verbose: voice.verbose,
            bars: MultiProgress::with_draw_target(if moving {
                ProgressDrawTarget::stderr()
            } else {
                ProgressDrawTarget::hidden()
            }),
        }
    }

    /// Says a line, unless asked to be quiet.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        if !self.quiet {
            self.write(&printable(text.as_ref()));
        }
    }

    /// Says a line if asked to say more.
    pub(crate) fn detail(&self, text: impl AsRef<str>) {
        if self.verbose > 0 {
            self.write(&printable(text.as_ref()));
        }
    }

    /// Says a warning, even when quiet: it is about the evidence, not about progress.
    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        let text = printable(text.as_ref());
        self.write(&format!("{WARNING}warning:{WARNING:#} {text}"));
    }

    /// How often `--verbose` was given.
    pub(crate) fn verbosity(&self) -> u8 {
        self.verbose
    }

    /// Whether `--quiet` was given.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Begins something whose end is not known.
    pub(crate) fn step(&self, text: impl AsRef<str>) -> Step {
        let bar = self.bars.add(ProgressBar::new_spinner());
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        bar.set_message(printable(text.as_ref()));
        Step { bar, words: self.clone() }
    }

    fn write(&self, line: &str) {
        // A standard error that is closed must not end the work.
        self.bars.suspend(|| {
            let _ = writeln!(anstream::stderr().lock(), "{line}");
        });
    }
}

/// Whole lines onto standard error past moving ones: for logs.
impl Write for Words {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let write = || anstream::stderr().lock().write(line);
        self.bars.suspend(write)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Step {
    /// Whether anybody sees it.
    pub(crate) fn is_seen(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Says how far it is.
    pub(crate) fn update(&self, text: impl AsRef<str>) {
        self.bar.set_message(printable(text.as_ref()));
    }

    /// Says how far it is of how much, with a bar.
    pub(crate) fn of(&self, done: u64, whole: u64, text: impl AsRef<str>) {
        if self.bar.length() != Some(whole) {
            self.bar.set_length(whole);
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}  {eta} left") {
                self.bar.set_style(style.progress_chars("━╸─"));
            }
        }
        self.bar.set_position(done);
        self.update(text);
    }

    /// Ends, and says what came of it.
    pub(crate) fn done(self, text: impl AsRef<str>) {
        self.bar.finish_and_clear();
        self.words.say(text);
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
