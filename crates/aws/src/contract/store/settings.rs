//! Applications and channels.

use handover_core::{
    application::DEFAULT_PACE_PER_MINUTE,
    ports::{Pace, Place, Store},
    registration::{Channel, ChannelKind},
};

use super::eventually;
use crate::contract::scene;

/// What is shown and what is sealed, together.
pub async fn applications_and_channels_are_kept_with_what_is_sealed<S: Store>(store: &S) {
    let name = scene::name("app");
    let mut application = scene::application(&name);
    for display_name in ["Acme", "Acme Bookkeeping"] {
        application.display_name = display_name.into();
        let secret = scene::sealed();
        store.put_application(&application, &secret).await.unwrap();
        assert_eq!(store.application(&application.id).await.unwrap().unwrap(), application);
        let place = Place::Application(application.id.clone());
        assert_eq!(store.sealed(&place).await.unwrap(), Some(secret));
    }
    let channels = [ChannelKind::Http, ChannelKind::Assisted].map(|kind| Channel {
        id: scene::name("channel").parse().unwrap(),
        kind,
        description: "Invantive Cloud".into(),
    });
    let profile = scene::sealed();
    store.put_channel(&channels[0], Some(&profile)).await.unwrap();
    store.put_channel(&channels[1], None).await.unwrap();
    for (channel, sealed) in channels.iter().zip([Some(profile), None]) {
        assert_eq!(store.channel(&channel.id).await.unwrap().unwrap(), *channel);
        assert_eq!(store.sealed(&Place::Channel(channel.id.clone())).await.unwrap(), sealed);
    }
    // What is a person's now sends nothing by itself.
    store.put_channel(&channels[0], None).await.unwrap();
    assert_eq!(
        store.sealed(&Place::Channel(channels[0].id.clone())).await.unwrap(),
        None
    );
    eventually("applications are listed", || async {
        let all = store.applications().await.unwrap();
        assert!(all.is_sorted_by_key(|application| application.id.clone()));
        all.into_iter().filter(|listed| *listed == application).count() == 1
    })
    .await;
    eventually("channels are listed", || async {
        let all = store.channels().await.unwrap();
        assert!(all.is_sorted_by_key(|channel| channel.id.clone()));
        channels.iter().all(|channel| all.contains(channel))
    })
    .await;
}

/// Kept until the application is written anew, and seen by nobody else.
pub async fn slots_that_are_taken_are_kept<S: Store>(store: &S) {
    let mut application = scene::application(&scene::name("app"));
    application.pace_per_minute = 7;
    assert_eq!(store.pace(&application.id).await.unwrap(), None);
    store.take_slots(&application.id, 7, scene::at(1)).await.unwrap();
    assert_eq!(store.pace(&application.id).await.unwrap(), None, "nothing to take from");

    let secret = scene::sealed();
    store.put_application(&application, &secret).await.unwrap();
    let pace = |taken_until| {
        Some(Pace {
            per_minute: 7,
            taken_until,
        })
    };
    assert_eq!(store.pace(&application.id).await.unwrap(), pace(None));
    for second in [3, 2] {
        let until = scene::at(second);
        store.take_slots(&application.id, 7, until).await.unwrap();
        assert_eq!(store.pace(&application.id).await.unwrap(), pace(Some(until)));
    }
    store.take_slots(&application.id, 8, scene::at(9)).await.unwrap();
    assert_eq!(
        store.pace(&application.id).await.unwrap(),
        pace(Some(scene::at(2))),
        "slots of another pace"
    );
    assert_eq!(store.application(&application.id).await.unwrap().unwrap(), application);
    store.put_application(&application, &secret).await.unwrap();
    assert_eq!(store.pace(&application.id).await.unwrap(), pace(None));

    application.pace_per_minute = DEFAULT_PACE_PER_MINUTE;
    store.put_application(&application, &secret).await.unwrap();
    store.take_slots(&application.id, 7, scene::at(4)).await.unwrap();
    assert_eq!(store.pace(&application.id).await.unwrap().unwrap().taken_until, None);
    let until = scene::at(5);
    store
        .take_slots(&application.id, DEFAULT_PACE_PER_MINUTE, until)
        .await
        .unwrap();
    let taken = store.pace(&application.id).await.unwrap().unwrap();
    assert_eq!(taken.taken_until, Some(until), "the usual pace is one like any other");
}
