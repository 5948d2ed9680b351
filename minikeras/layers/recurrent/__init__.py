"""Recurrent layers: cells, and what runs them along time."""

from minikeras.layers.recurrent.bidirectional import Bidirectional
from minikeras.layers.recurrent.conv_lstm import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from minikeras.layers.recurrent.gru import GRU
from minikeras.layers.recurrent.gru_cell import GRUCell
from minikeras.layers.recurrent.lstm import LSTM
from minikeras.layers.recurrent.lstm_cell import LSTMCell
from minikeras.layers.recurrent.rnn import RNN
from minikeras.layers.recurrent.simple import SimpleRNN
from minikeras.layers.recurrent.simple_cell import SimpleRNNCell
from minikeras.layers.recurrent.stacked import StackedRNNCells
from minikeras.layers.recurrent.time_distributed import TimeDistributed

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Bidirectional",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "GRUCell",
    "LSTMCell",
    "SimpleRNN",
    "SimpleRNNCell",
    "StackedRNNCells",
    "TimeDistributed",
]
