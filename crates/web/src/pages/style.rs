//! `GET /style.css`: the one thing that pages fetch.

use axum::response::Response;

use crate::answer;

const SHEET: &str = include_str!("../../pages/style.css");

pub(super) async fn sheet() -> Response {
    answer::bytes_of("text/css; charset=utf-8", SHEET.as_bytes().to_vec(), 0)
}
