//! Period view to Markdown, HTML and JSON. Templates arrive as bytes.
