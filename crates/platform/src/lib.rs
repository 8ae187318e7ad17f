#![doc = include_str!("../README.md")]

mod authorize;
pub mod callback;
pub mod countries;
mod endpoint;
mod exact;
mod exchange;
pub mod http;
mod me;
mod refresh;
pub mod refusal;
mod salvage;
mod token;
mod token_response;

pub use self::http::{HttpClient, HttpClientError};
pub use authorize::authorize_url;
pub use callback::{CallbackError, CallbackQuery};
pub use exact::ExactOnline;
pub use refusal::{Grant, Refused, TokenRefusal, Transience};
