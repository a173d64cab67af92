//! A collector's README as a part of its page: the same words, with tables that say what they are, and no way for a text
//! to become markup.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html::push_html};

/// A README's Markdown as HTML, to stand in a page. Its first heading is the page's own, and is left out; raw HTML stays
/// text; a link that leads into the repository stays words.
#[must_use]
pub fn readme(markdown: &str) -> String {
    let mut writer = Writer::default();
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        writer.take(event);
    }
    let mut out = String::new();
    push_html(&mut out, writer.out.into_iter());
    out
}

#[derive(Default)]
struct Writer<'a> {
    out: Vec<Event<'a>>,
    /// The text of the heading that was read last: what a table below it is called by.
    heading: String,
    in_heading: Option<HeadingLevel>,
    in_table_head: bool,
    /// For each open link, whether it is one.
    links: Vec<bool>,
}

impl<'a> Writer<'a> {
    fn raw(&mut self, html: impl Into<CowStr<'a>>) {
        self.out.push(Event::Html(html.into()));
    }

    fn take(&mut self, event: Event<'a>) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                self.heading.clear();
                self.in_heading = Some(level);
                if level != HeadingLevel::H1 {
                    self.raw(format!("<{level}>"));
                }
            }
            Event::End(TagEnd::Heading(level)) => {
                self.in_heading = None;
                if level != HeadingLevel::H1 {
                    self.raw(format!("</{level}>\n"));
                }
            }
            Event::Text(text) | Event::Code(text) if self.in_heading == Some(HeadingLevel::H1) => self.heading += &text,
            Event::Html(text) | Event::InlineHtml(text) => self.out.push(Event::Text(text)),
            Event::Start(Tag::Link { ref dest_url, .. }) => {
                let outside = dest_url.starts_with("https://");
                self.links.push(outside);
                if outside {
                    self.out.push(event);
                }
            }
            Event::End(TagEnd::Link) => {
                if self.links.pop() == Some(true) {
                    self.out.push(event);
                }
            }
            // Of an image its words are left: nothing is fetched.
            Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => {}
            // Who has no mouse scrolls what can be reached.
            Event::Start(Tag::CodeBlock(_)) => self.raw("<pre tabindex=\"0\"><code>"),
            Event::End(TagEnd::CodeBlock) => self.raw("</code></pre>\n"),
            Event::Start(Tag::Table(_)) => {
                let caption = escaped(&self.heading);
                self.raw(format!(
                    "<div class=\"scroll\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\">\n\
                     <table><caption>{caption}</caption>"
                ));
            }
            Event::End(TagEnd::Table) => self.raw("</tbody></table></div>\n"),
            Event::Start(Tag::TableHead) => {
                self.in_table_head = true;
                self.raw("<thead><tr>");
            }
            Event::End(TagEnd::TableHead) => {
                self.in_table_head = false;
                self.raw("</tr></thead><tbody>\n");
            }
            Event::Start(Tag::TableRow) => self.raw("<tr>"),
            Event::End(TagEnd::TableRow) => self.raw("</tr>\n"),
            Event::Start(Tag::TableCell) => self.raw(if self.in_table_head { "<th scope=\"col\">" } else { "<td>" }),
            Event::End(TagEnd::TableCell) => self.raw(if self.in_table_head { "</th>" } else { "</td>" }),
            other => {
                if let (Some(_), Event::Text(text) | Event::Code(text)) = (self.in_heading, &other) {
                    self.heading += text;
                }
                self.out.push(other);
            }
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_and_nothing_becomes_markup() {
        let cases = [
            ("# Title\n\ntext", "<p>text</p>\n"),
            ("## a `b`\n", "<h2>a <code>b</code></h2>\n"),
            ("<script>x</script>\n", "&lt;script&gt;x&lt;/script&gt;\n"),
            ("a <img src=x> b\n", "<p>a &lt;img src=x&gt; b</p>\n"),
            (
                "[a](../b.md) [c](https://d.example/) [e](javascript:f)",
                "<p>a <a href=\"https://d.example/\">c</a> e</p>\n",
            ),
            ("![alt](https://x.example/y.png)", "<p>alt</p>\n"),
            ("```\n<a>\n```\n", "<pre tabindex=\"0\"><code>&lt;a&gt;\n</code></pre>\n"),
        ];
        for (markdown, expected) in cases {
            assert_eq!(readme(markdown), expected, "{markdown}");
        }
        let table = readme("## What \"x\"\n\n| a | b |\n|---|---|\n| <i> | `d` |\n");
        assert!(table.contains("<caption>What &quot;x&quot;</caption><thead><tr><th scope=\"col\">a</th>"), "{table}");
        assert!(
            table.contains("<tr><td>&lt;i&gt;</td><td><code>d</code></td></tr>\n</tbody></table></div>"),
            "{table}"
        );
    }
}
