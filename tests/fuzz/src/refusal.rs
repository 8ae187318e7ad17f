//! What the token endpoint's refusals mean, without a network.

use handover_platform::{Grant, Refused};

use crate::{
    Verdict,
    answer::Answer,
    leak::{is_one_short_line, tells_nothing},
};

/// An answer that brought no pair; its header `reason` counts.
///
/// Whatever it says, its meaning is told in one line, without anything of it that could be of a token. One that says yes
/// leaves open what became of what was presented.
pub fn refusal(input: &[u8]) -> Verdict {
    let Some(answer) = Answer::read(input) else {
        return Verdict::Refused;
    };
    for grant in [Grant::Code, Grant::Refresh] {
        let refused = Refused::read(grant, answer.status, answer.header("reason"), answer.body);
        let told = format!("{refused} {refused:?}");
        is_one_short_line(&told, 700);
        tells_nothing(input, &told);
        assert_eq!(refused.status, answer.status);
        if answer.says_yes() {
            assert!(refused.meaning.is_unclear(), "{refused}");
        }
    }
    Verdict::Accepted
}
