//! Markdown to HTML: the same words, with headings that can be linked to, tables that say what they are, and no way for
//! a text to become markup.

use std::collections::BTreeMap;

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html::push_html};

/// The parts of a page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The text of the first heading of level 1.
    pub title: String,
    /// What stands before the first heading of level 2.
    pub cover: String,
    /// The rest, a section for each heading of level 2.
    pub body: String,
    /// The headings of level 2 and 3.
    pub contents: Vec<Entry>,
}

/// One line of the contents.
#[derive(Debug)]
pub(crate) struct Entry {
    pub level: u8,
    pub id: String,
    pub title: String,
}

/// Words that a report sets in a shape of their own. Colour only repeats what the word says.
const MARKS: &[&str] = &[
    "fail",
    "error",
    "stale",
    "missing",
    "vacuous",
    "waived",
    "pass",
    "not-applicable",
    "not covered",
    "critical",
    "high",
    "medium",
    "low",
    "info",
    "regressed",
    "not-remediated",
    "partially-remediated",
    "not-reexamined",
    "new",
    "no-longer-reported",
    "remediated",
    "performed",
    "late",
    "missed",
    "errored",
    "interim",
    "final",
    "pushed",
];

pub(crate) fn is_mark(text: &str) -> bool {
    MARKS.contains(&text)
}

/// An anchor's name, by the rule that common Markdown viewers follow: lower case, letters, digits, `-` and `_` stay,
/// spaces become `-`.
pub(crate) fn slug(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            c => c.is_alphanumeric().then_some(c),
        })
        .collect()
}

/// Turns Markdown into the parts of a page.
pub(crate) fn page(markdown: &str) -> Page {
    Writer::default().write(markdown)
}

#[derive(Default)]
struct Writer<'a> {
    page: Page,
    ids: BTreeMap<String, u64>,
    tables: u64,
    /// Where the events of the present section go.
    out: Vec<Event<'a>>,
    in_section: bool,
}

fn raw<'a>(html: impl Into<CowStr<'a>>) -> Event<'a> {
    Event::Html(html.into())
}

impl<'a> Writer<'a> {
    fn write(mut self, markdown: &'a str) -> Page {
        let events: Vec<Event<'a>> = Parser::new_ext(markdown, Options::ENABLE_TABLES).filter_map(harmless).collect();
        let mut rest = events.as_slice();
        while let Some(event) = rest.first() {
            let taken = match event {
                Event::Start(Tag::Heading { level, .. }) => self.heading(*level, rest),
                Event::Start(Tag::Paragraph) => self.paragraph(rest),
                Event::Start(Tag::Table(_)) => self.table(rest, None),
                Event::Start(Tag::Strong) => self.strong(rest),
                Event::Start(Tag::BlockQuote(_)) => {
                    self.out.push(raw("<div class=\"notice\" role=\"note\">\n"));
                    1
                }
                Event::End(TagEnd::BlockQuote(_)) => {
                    self.out.push(raw("</div>\n"));
                    1
                }
                other => {
                    self.out.push(other.clone());
                    1
                }
            };
            rest = &rest[taken..];
        }
        self.finish_section();
        self.page
    }

    /// Writes what has gathered to the cover or the body.
    fn finish_section(&mut self) {
        let events = std::mem::take(&mut self.out);
        let target = if self.in_section { &mut self.page.body } else { &mut self.page.cover };
        push_html(target, events.into_iter());
        if self.in_section {
            target.push_str("</section>\n");
        }
    }

    fn heading(&mut self, level: HeadingLevel, events: &[Event<'a>]) -> usize {
        let inner = until(events, |event| matches!(event, Event::End(TagEnd::Heading(_))));
        let title = text_of(inner);
        let id = self.unused(&slug(&title));
        let number = level as u8;
        if level == HeadingLevel::H1 && self.page.title.is_empty() {
            self.page.title.clone_from(&title);
        }
        if level == HeadingLevel::H2 {
            self.finish_section();
            self.in_section = true;
            self.out.push(raw(format!("<section aria-labelledby=\"{id}\">\n")));
        }
        self.out.push(raw(format!("<h{number} id=\"{id}\">")));
        self.inline(inner);
        self.out.push(raw(format!("</h{number}>\n")));
        if (2..=3).contains(&number) {
            self.page.contents.push(Entry { level: number, id, title });
        }
        inner.len() + 2
    }

    fn unused(&mut self, slug: &str) -> String {
        let times = self.ids.entry(slug.to_owned()).or_default();
        *times += 1;
        match *times {
            1 => slug.to_owned(),
            more => format!("{slug}-{}", more - 1),
        }
    }

    /// A paragraph that is emphasised as a whole and stands right before a table is the table's caption.
    fn paragraph(&mut self, events: &[Event<'a>]) -> usize {
        let inner = until(events, |event| matches!(event, Event::End(TagEnd::Paragraph)));
        let after = &events[inner.len() + 2..];
        if let (
            [Event::Start(Tag::Emphasis), caption @ .., Event::End(TagEnd::Emphasis)],
            Some(Event::Start(Tag::Table(_))),
        ) = (inner, after.first())
            && !caption.iter().any(|event| matches!(event, Event::End(TagEnd::Emphasis)))
        {
            return inner.len() + 2 + self.table(after, Some(caption));
        }
        self.out.push(events[0].clone());
        1
    }

    fn strong(&mut self, events: &[Event<'a>]) -> usize {
        if let [_, Event::Text(text), Event::End(TagEnd::Strong), ..] = events
            && is_mark(text)
        {
            let class = slug(text);
            self.out.push(raw(format!("<strong class=\"mark mark-{class}\">{text}</strong>")));
            return 3;
        }
        self.out.push(events[0].clone());
        1
    }

    /// What stands in a line: marks get their shape, the rest stays.
    fn inline(&mut self, events: &[Event<'a>]) {
        let mut rest = events;
        while let Some(event) = rest.first() {
            let taken = if matches!(event, Event::Start(Tag::Strong)) {
                self.strong(rest)
            } else {
                self.out.push(event.clone());
                1
            };
            rest = &rest[taken..];
        }
    }

    /// A table: its caption, which also names the region that scrolls on narrow screens; its column heads; and in each
    /// row the first cell as the row's head.
    fn table(&mut self, events: &[Event<'a>], caption: Option<&[Event<'a>]>) -> usize {
        let Event::Start(Tag::Table(alignments)) = &events[0] else {
            return 1;
        };
        let numeric: Vec<bool> =
            alignments.iter().map(|alignment| *alignment == pulldown_cmark::Alignment::Right).collect();
        let inner = until(events, |event| matches!(event, Event::End(TagEnd::Table)));
        self.tables += 1;
        let id = format!("table-{}", self.tables);
        let label =
            if caption.is_some() { format!("aria-labelledby=\"{id}\"") } else { "aria-label=\"Table\"".to_owned() };
        let columns = numeric.len();
        self.out.push(raw(format!(
            "<div class=\"scroll\" role=\"region\" {label} tabindex=\"0\">\n<table class=\"columns-{columns}\">\n"
        )));
        if let Some(caption) = caption {
            self.out.push(raw(format!("<caption><span id=\"{id}\">")));
            self.inline(caption);
            self.out.push(raw("</span></caption>\n"));
        }
        let mut column = 0;
        let mut in_head = false;
        let mut rest = inner;
        while let Some(event) = rest.first() {
            let mut taken = 1;
            match event {
                Event::Start(Tag::TableHead) => {
                    (in_head, column) = (true, 0);
                    self.out.push(raw("<thead>\n<tr>"));
                }
                Event::End(TagEnd::TableHead) => {
                    in_head = false;
                    self.out.push(raw("</tr>\n</thead>\n<tbody>\n"));
                }
                Event::Start(Tag::TableRow) => {
                    column = 0;
                    self.out.push(raw("<tr>"));
                }
                Event::End(TagEnd::TableRow) => self.out.push(raw("</tr>\n")),
                Event::Start(Tag::TableCell) => {
                    let class = if numeric.get(column) == Some(&true) { " class=\"number\"" } else { "" };
                    let open = match (in_head, column) {
                        (true, _) => format!("<th scope=\"col\"{class}>"),
                        (false, 0) => format!("<th scope=\"row\"{class}>"),
                        (false, _) => format!("<td{class}>"),
                    };
                    self.out.push(raw(open));
                }
                Event::End(TagEnd::TableCell) => {
                    let close = if in_head || column == 0 { "</th>" } else { "</td>" };
                    self.out.push(raw(close));
                    column += 1;
                }
                Event::Start(Tag::Strong) => taken = self.strong(rest),
                other => self.out.push(other.clone()),
            }
            rest = &rest[taken..];
        }
        self.out.push(raw("</tbody>\n</table>\n</div>\n"));
        inner.len() + 2
    }
}

/// What stands between the first event and the one that ends it.
fn until<'e, 'a>(events: &'e [Event<'a>], is_end: fn(&Event<'a>) -> bool) -> &'e [Event<'a>] {
    let end = events.iter().position(is_end).unwrap_or(events.len() - 1);
    &events[1..end.max(1)]
}

fn text_of(events: &[Event<'_>]) -> String {
    let mut text = String::new();
    for event in events {
        match event {
            Event::Text(part) | Event::Code(part) => text.push_str(part),
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            _ => {}
        }
    }
    text
}

/// Raw HTML becomes text, images become their description, and links lead only to where links may lead.
fn harmless(event: Event<'_>) -> Option<Event<'_>> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::HtmlBlock) => Some(Event::Start(Tag::Paragraph)),
        Event::End(TagEnd::HtmlBlock) => Some(Event::End(TagEnd::Paragraph)),
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        // A link that may not be followed keeps its text; its end is closed the same way, as an emphasis.
        Event::Start(Tag::Link { ref dest_url, .. }) if !may_lead_to(dest_url) => Some(raw("<a>")),
        other => Some(other),
    }
}

fn may_lead_to(destination: &str) -> bool {
    destination.starts_with('#') || destination.starts_with("https://") || destination.starts_with("mailto:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_words_gets_through() {
        let cases = [
            ("<script>alert(1)</script>\n\nx", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("a <b onclick=x>b</b>", "a &lt;b onclick=x&gt;b&lt;/b&gt;"),
            ("[a](javascript:alert(1))", "<a>a</a>"),
            ("[a](JavaScript:alert(1))", "<a>a</a>"),
            ("[a](data:text/html,x)", "<a>a</a>"),
            ("[a](http://example.com)", "<a>a</a>"),
            ("[a](https://example.com)", "<a href=\"https://example.com\">a</a>"),
            ("[a](#b)", "<a href=\"#b\">a</a>"),
            ("![words](https://example.com/x.png)", "<p>words</p>"),
        ];
        for (markdown, expected) in cases {
            let page = page(markdown);
            assert!(page.cover.contains(expected), "{markdown} gave {}", page.cover);
            assert!(!page.cover.contains("<img") && !page.cover.contains("<script"));
        }
    }

    #[test]
    fn headings_get_ids_and_sections() {
        let page = page("# A & B\n\nhello\n\n## One\n\n### Two\n\n## One\n\nend\n");
        assert_eq!(page.title, "A & B");
        assert!(page.cover.contains("<h1 id=\"a--b\">A &amp; B</h1>\n<p>hello</p>"));
        let ids: Vec<_> = page.contents.iter().map(|e| (e.level, e.id.as_str())).collect();
        assert_eq!(ids, [(2, "one"), (3, "two"), (2, "one-1")]);
        assert_eq!(page.body.matches("<section").count(), 2);
        assert_eq!(page.body.matches("</section>").count(), 2);
    }

    #[test]
    fn tables_say_what_they_are() {
        let page = page("_Counts_\n\n| What | n |\n| --- | ---: |\n| **fail** | 2 |\n");
        for part in [
            "aria-labelledby=\"table-1\" tabindex=\"0\"",
            "<caption><span id=\"table-1\">Counts</span></caption>",
            "<th scope=\"col\">What</th><th scope=\"col\" class=\"number\">n</th>",
            "<th scope=\"row\"><strong class=\"mark mark-fail\">fail</strong></th><td class=\"number\">2</td>",
        ] {
            assert!(page.cover.contains(part), "{part} in {}", page.cover);
        }
    }
}
