//! What people do, and what goes wrong while they do it.

mod assisted;
mod callback;
mod chains;
mod channel_faults;
mod configuration;
mod contract;
mod journey;
mod platform_faults;
mod queue;
mod renewal;
mod rescue;
mod retention;
mod slow_platform;
mod tampering;
mod time;

use std::{pin::Pin, sync::Arc};

use anyhow::Result;

use crate::evidence::Evidence;

/// A scenario, started with where to leave its evidence.
pub type Scenario = Box<dyn FnOnce(Arc<Evidence>) -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send>;

/// Names a scenario by its path.
macro_rules! scenarios {
    ($($file:ident :: $name:ident),* $(,)?) => {
        vec![$((
            concat!(stringify!($file), "::", stringify!($name)),
            Box::new(|evidence| Box::pin($file::$name(evidence)) as Pin<Box<dyn Future<Output = Result<()>> + Send>>)
                as Scenario,
        )),*]
    };
}

/// All of them, by name.
pub fn all() -> Vec<(&'static str, Scenario)> {
    scenarios![
        // The long ones first: they wait for real seconds.
        slow_platform::the_customer_sees_still_working_and_then_the_outcome,
        platform_faults::no_fault_of_the_token_endpoint_leaves_a_connection_stuck,
        platform_faults::an_identity_that_was_not_told_is_asked_for_again,
        channel_faults::no_fault_of_the_channel_is_answered_by_a_second_submission,
        channel_faults::a_look_up_that_fails_is_made_again,
        channel_faults::what_surely_had_no_effect_comes_back_by_itself,
        tampering::an_altered_application_or_channel_is_refused,
        time::what_was_far_away_is_registered_within_two_seconds_of_its_time,
        time::a_herd_keeps_its_pace_from_one_sweep_to_the_next,
        renewal::a_pair_is_renewed_on_day_27_and_registered_on_day_40,
        renewal::a_pair_that_is_not_renewed_expires_on_day_30_and_gets_a_new_link,
        renewal::an_answer_that_is_lost_is_recovered_once,
        renewal::a_channel_that_wants_a_fresh_access_token_gets_one,
        rescue::a_pair_that_the_table_cannot_take_comes_home,
        chains::the_oem_is_told_which_database_lost_its_authorisation,
        chains::a_pending_connection_is_superseded,
        retention::what_is_finished_goes_after_its_time,
        retention::a_customer_is_forgotten_at_once,
        journey::a_customer_is_connected_and_registered_in_time,
        journey::a_connection_can_be_cancelled_rescheduled_and_given_a_new_link,
        assisted::a_person_takes_a_registration_in_hand_and_says_how_it_ended,
        callback::bad_input_gets_a_page_and_exchanges_nothing,
        channel_faults::a_refusal_ends_it_with_its_reason,
        platform_faults::a_customer_who_met_no_log_on_opens_the_link_again,
        platform_faults::an_exchange_of_invantives_that_is_lost_is_not_repeated,
        callback::a_trip_that_took_too_long_gets_a_page_and_the_link_stays_good,
        callback::a_callback_that_comes_twice_at_once_is_exchanged_once,
        configuration::a_refused_client_secret_is_called_configuration,
        configuration::other_servers_and_other_answers_are_configuration_alone,
        queue::bad_messages_do_not_stop_the_others,
        contract::the_ports_keep_their_contract_on_the_local_cloud,
        tampering::what_was_altered_is_refused_and_nothing_is_sent,
        tampering::a_plain_application_that_points_elsewhere_gets_no_secret,
    ]
}
